package dev.vidrio.model.block;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;

/** A dense feed-forward block of a layer, or its shared expert. */
final class FeedForward {
  /** The hook points of a feed-forward block: the routed or dense one, or the shared expert. */
  record Sites(HookSite pre, HookSite preLinear, HookSite post) {
    static final Sites MLP = new Sites(HookSite.PRE, HookSite.PRE_LINEAR, HookSite.POST);
    static final Sites SHARED =
        new Sites(HookSite.SHARED_PRE, HookSite.SHARED_PRE_LINEAR, HookSite.SHARED_POST);
  }

  private final Transformer model;
  private final PlanBuilder plan;
  private final Layer layer;
  private final Sites sites;
  private final String suffix;
  private final int n;
  private final float limit;

  /**
   * Makes a block.
   *
   * @param sites the hook points of its activations
   * @param suffix suffix of tensor names
   * @param n width
   * @param limit largest magnitude of the factors of a gated block; 0 for no limit
   */
  FeedForward(Transformer model, Layer layer, Sites sites, String suffix, int n, float limit) {
    this.model = model;
    this.plan = model.plan();
    this.layer = layer;
    this.sites = sites;
    this.suffix = suffix;
    this.n = n;
    this.limit = limit;
  }

  /** Returns {@code down(act(gate · x) · (up · x))}. */
  Sublayer gated(ActivationKind kind) {
    return projected(factors(kind));
  }

  /** Returns {@link #gated} with a norm before the last projection. */
  Sublayer subNormalized(ActivationKind kind) {
    return projected(layer.normalized("ffn_sub_norm", factors(kind)));
  }

  /** Returns {@code down(act(up · x))}. */
  Sublayer plain(ActivationKind kind) {
    return plain((hook, pre) -> plan.activation(hook, kind, pre));
  }

  /** Returns {@code down(activation(up · x))}. */
  Sublayer plain(Sublayer activation) {
    return projected(
        (hook, x) -> activation.write(hook, layer.linear(sites.pre, "ffn_up" + suffix, n, x)));
  }

  /** Returns the product of gate and up, which may be one matrix, gate first. */
  private Sublayer factors(ActivationKind kind) {
    return (hook, x) -> {
      String up = "ffn_up" + suffix;
      String gate = "ffn_gate" + suffix;
      boolean fused = !model.weights().has(layer.tensor(gate + ".weight"));
      return fused
          ? product(
              hook,
              kind,
              layer.fused(layer.hook(sites.pre), up, 0, n, 2 * n, x),
              layer.fused(layer.hook(sites.preLinear), up, n, n, 2 * n, x))
          : product(
              hook,
              kind,
              layer.linear(sites.pre, gate, n, x),
              layer.linear(sites.preLinear, up, n, x));
    };
  }

  /** Returns the product of both factors of a gated block; those of gpt-oss are clamped. */
  Buffer product(String hook, ActivationKind kind, Buffer gate, Buffer up) {
    if (limit > 0) {
      Buffer opened = plan.activation(hook + ".opened", kind, gate);
      Buffer factor = plan.clamp(hook + ".gate", limit, opened);
      return plan.multiply(hook, factor, plan.clamp(hook + ".linear", limit, up));
    }
    Buffer factor =
        kind == ActivationKind.CLAMPED_SWISH
            ? plan.activation(
                layer.hook(sites.preLinear) + ".clamped", ActivationKind.CLAMPED_LINEAR, up)
            : up;
    return plan.gated(hook, kind, gate, factor);
  }

  private Sublayer projected(Sublayer block) {
    return (hook, x) -> {
      Buffer post = block.write(layer.hook(sites.post), x);
      return model.linear(hook, layer.tensor("ffn_down" + suffix), model.dimensions().d(), post);
    };
  }
}

package dev.vidrio.model.block;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;

/** A dense feed-forward block of a layer, or its shared expert. */
final class FeedForward {
  private final Transformer model;
  private final PlanBuilder plan;
  private final Layer layer;
  private final String hooks;
  private final String suffix;
  private final int n;
  private final float limit;

  /**
   * Makes a block.
   *
   * @param hooks prefix of activation names
   * @param suffix suffix of tensor names
   * @param n width
   */
  FeedForward(Transformer model, Layer layer, String hooks, String suffix, int n) {
    this(model, layer, hooks, suffix, n, 0);
  }

  /**
   * Makes a block with clamped factors.
   *
   * @param hooks prefix of activation names
   * @param suffix suffix of tensor names
   * @param n width
   * @param limit largest magnitude of the factors of a gated block; 0 for no limit
   */
  FeedForward(Transformer model, Layer layer, String hooks, String suffix, int n, float limit) {
    this.model = model;
    this.plan = model.plan();
    this.layer = layer;
    this.hooks = hooks;
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
        (hook, x) ->
            activation.write(hook, layer.linear(hooks + "hook_pre", "ffn_up" + suffix, n, x)));
  }

  /** Returns the product of gate and up, which may be one matrix, gate first. */
  private Sublayer factors(ActivationKind kind) {
    return (hook, x) -> {
      String pre = hooks + "hook_pre";
      String up = "ffn_up" + suffix;
      String gate = "ffn_gate" + suffix;
      boolean fused = !model.weights().has(layer.tensor(gate + ".weight"));
      return fused
          ? product(
              hook,
              kind,
              layer.fused(pre, up, 0, n, 2 * n, x),
              layer.fused(pre + "_linear", up, n, n, 2 * n, x))
          : product(
              hook, kind, layer.linear(pre, gate, n, x), layer.linear(pre + "_linear", up, n, x));
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
                layer.hook(hooks + "hook_pre_linear.clamped"), ActivationKind.CLAMPED_LINEAR, up)
            : up;
    return plan.gated(hook, kind, gate, factor);
  }

  private Sublayer projected(Sublayer block) {
    return (hook, x) -> {
      Buffer post = block.write(layer.hook(hooks + "hook_post"), x);
      return model.linear(hook, layer.tensor("ffn_down" + suffix), model.dimensions().d(), post);
    };
  }
}

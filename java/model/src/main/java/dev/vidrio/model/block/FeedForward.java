package dev.vidrio.model.block;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;

/** A dense feed-forward block of one layer, or what stands beside its experts. */
final class FeedForward {
  private final Transformer model;
  private final PlanBuilder plan;
  private final Layer layer;
  private final String hooks;
  private final String suffix;
  private final int n;
  private final float limit;

  /**
   * @param hooks before the names of activations
   * @param suffix behind those of tensors
   * @param n width
   */
  FeedForward(Transformer model, Layer layer, String hooks, String suffix, int n) {
    this(model, layer, hooks, suffix, n, 0);
  }

  /**
   * @param limit magnitude that the factors of a gated block have at most; 0 for any
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

  /** {@code act(gate · x) · (up · x)}, projected down. */
  Sublayer gated(ActivationKind kind) {
    return projected(factors(kind));
  }

  /** The same with a norm before it is projected down. */
  Sublayer subNormalized(ActivationKind kind) {
    return projected(layer.normalized("ffn_sub_norm", factors(kind)));
  }

  /** {@code act(up · x)}, projected down. */
  Sublayer plain(ActivationKind kind) {
    return plain((hook, pre) -> plan.activation(hook, kind, pre));
  }

  /** The same with any activation. */
  Sublayer plain(Sublayer activation) {
    return projected(
        (hook, x) ->
            activation.write(hook, layer.linear(hooks + "hook_pre", "ffn_up" + suffix, n, x)));
  }

  /** Gate and up may lie in one matrix, one behind the other. */
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

  /** The product of both factors of a gated block; those of gpt-oss are clamped. */
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

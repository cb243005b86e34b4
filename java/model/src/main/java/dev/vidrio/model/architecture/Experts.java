package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;

/**
 * The mixtures that replace feed-forward blocks.
 *
 * @param count E, experts of a layer
 * @param used k, those that a token goes to
 * @param over what the softmax of their weights runs over
 */
record Experts(int count, int used, RouteOver over) {

  /** The value of {@code expert_gating_func} that stands for a softmax; 0 is not said. */
  private static final int SOFTMAX = 1;

  /** Whether a model has experts, where its architecture does not say so. */
  static boolean has(Keys keys) {
    return keys.intValue("expert_count", 0, ExpertOp.EXPERTS_MAX, 0) > 0;
  }

  static Experts read(Keys keys, Sizes sizes) {
    int count = keys.intValue("expert_count", 1, ExpertOp.EXPERTS_MAX);
    int used = keys.intValue("expert_used_count", 1, count);
    if (keys.intValue("expert_gating_func", 0, Integer.MAX_VALUE, SOFTMAX) > SOFTMAX) {
      throw keys.unsupported(keys.full("expert_gating_func") + " other than softmax");
    }
    boolean normalized = keys.flag("expert_weights_norm", true);
    requireWidth(keys, "embedding_length", sizes.d(), used);
    requireWidth(keys, "expert_feed_forward_length", sizes.dFfn(), used);
    return new Experts(count, used, normalized ? RouteOver.CHOSEN : RouteOver.ALL);
  }

  /** A token's row has this width for each expert that it goes to. */
  private static void requireWidth(Keys keys, String key, int width, int used) {
    int most = Math.min(ExpertOp.K_MAX, Sizes.MAX_WIDTH / used);
    if (width > most) {
      throw keys.error(
          key,
          Integer.toString(width),
          "must be at most " + most + " where a token goes to " + used + " experts");
    }
  }
}

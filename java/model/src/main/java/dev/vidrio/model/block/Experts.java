package dev.vidrio.model.block;

import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.ExpertOp.GroupRank;
import dev.vidrio.kernel.op.ExpertOp.Groups;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import org.jspecify.annotations.Nullable;

/**
 * The mixtures that replace feed-forward blocks (Shazeer et al. 2017, arXiv 1701.06538).
 *
 * @param routing which experts a token goes to
 * @param width of an expert
 * @param sharedWidth of the expert that all tokens go to (Dai et al. 2024, arXiv 2401.06066), or 0
 * @param gate activation of an expert's gate, or of all of it where it has no gate; where it is
 *     that of gpt-oss, its other factor is clamped too
 * @param gated whether experts have gates
 * @param weighsInputs whether weights scale what an expert reads, not what it writes
 * @param limits of the factors of gated blocks
 * @param layers that have a mixture; the others are dense
 */
public record Experts(
    Routing routing,
    int width,
    int sharedWidth,
    ActivationKind gate,
    boolean gated,
    boolean weighsInputs,
    Limits limits,
    MixtureLayers layers) {
  /**
   * Which of a layer's experts a token goes to, and with what weights.
   *
   * @param count E, experts of a layer
   * @param used k, those that a token goes to
   * @param score what the router's logits become
   * @param over what their weights add up to 1 over
   * @param scale of the weights
   * @param groups that experts are chosen in, or null
   */
  public record Routing(
      int count,
      int used,
      RouteScore score,
      RouteOver over,
      float scale,
      @Nullable Groups groups) {}

  /**
   * Magnitudes that both factors of a gated block have at most; 0 for any.
   *
   * @param routed of experts that tokens are sent to
   * @param shared of the expert that all tokens go to
   */
  public record Limits(float routed, float shared) {
    /** No limits. */
    public static final Limits NONE = new Limits(0, 0);
  }

  /**
   * Layers that have a mixture.
   *
   * @param first of them, counted from 0
   * @param period those from the first on have one whose number, from 1, is a multiple of this
   */
  public record MixtureLayers(int first, int period) {
    /** Every layer. */
    static final MixtureLayers ALL = new MixtureLayers(0, 1);

    /** Whether a layer, counted from 0, is one of them. */
    boolean contain(int layer) {
      return layer >= first && (layer + 1) % period == 0;
    }
  }

  private static final String GATING = "expert_gating_func";
  private static final String GROUPS = "expert_group_count";
  private static final float MIN_SCALE = 1e-6f;
  private static final float MAX_SCALE = 1e6f;

  /** Values of {@code expert_gating_func}; 0 is not said. */
  private static final int SOFTMAX = 1;

  private static final int SIGMOID = 2;
  private static final int SOFTMAX_OF_CHOSEN = 3;

  /** Whether a model has experts, where its architecture does not say so. */
  public static boolean has(Keys keys) {
    return keys.intValue("expert_count", 0, ExpertOp.EXPERTS_MAX, 0) > 0;
  }

  /**
   * The mixture of a model that has one in every layer, and no shared expert.
   *
   * @param score where the file does not say so
   * @param over where the file does not say so
   */
  public static Experts read(Keys keys, Sizes sizes, RouteScore score, RouteOver over) {
    return read(keys, sizes, score, over, null);
  }

  /**
   * The same of a model that may choose experts in groups.
   *
   * @param rank of a group
   */
  public static Experts read(
      Keys keys, Sizes sizes, RouteScore score, RouteOver over, @Nullable GroupRank rank) {
    int count = keys.intValue("expert_count", 1, ExpertOp.EXPERTS_MAX);
    int used = keys.intValue("expert_used_count", 1, count);
    boolean normalized = keys.flag("expert_weights_norm", over == RouteOver.CHOSEN);
    int gating = keys.intValue(GATING, 0, Integer.MAX_VALUE, 0);
    if (gating > SOFTMAX_OF_CHOSEN) {
      throw keys.unsupported(keys.full(GATING) + " " + gating);
    }
    requireWidth(keys, "embedding_length", sizes.d(), used);
    requireWidth(keys, "expert_feed_forward_length", sizes.dExpert(), used);
    RouteScore read =
        switch (gating) {
          case SOFTMAX, SOFTMAX_OF_CHOSEN -> RouteScore.SOFTMAX;
          case SIGMOID -> RouteScore.SIGMOID;
          default -> score;
        };
    RouteOver readOver =
        normalized || gating == SOFTMAX_OF_CHOSEN ? RouteOver.CHOSEN : RouteOver.ALL;
    var routing = new Routing(count, used, read, readOver, 1, groups(keys, count, used, rank));
    return new Experts(
        routing,
        sizes.dExpert(),
        0,
        ActivationKind.SILU,
        true,
        false,
        Limits.NONE,
        MixtureLayers.ALL);
  }

  private static @Nullable Groups groups(Keys keys, int count, int used, @Nullable GroupRank rank) {
    int groups = keys.intValue(GROUPS, 0, Integer.MAX_VALUE, 0);
    if (groups <= 1) {
      return null;
    }
    if (rank == null) {
      throw keys.unsupported(keys.full(GROUPS) + " of more than one");
    }
    int least = rank == GroupRank.MAX ? 1 : 2;
    if (groups > Groups.MAX || count % groups != 0 || count / groups < least) {
      throw keys.error(
          GROUPS,
          Integer.toString(groups),
          "must divide " + count + " experts into at most " + Groups.MAX + ", of " + least);
    }
    String usedKey = "expert_group_used_count";
    int usedGroups = keys.intValue(usedKey, 1, groups);
    if (used > usedGroups * (count / groups)) {
      throw keys.error(
          usedKey, Integer.toString(usedGroups), "groups have fewer than " + used + " experts");
    }
    return new Groups(groups, usedGroups, rank);
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

  /** The same with the file's scale of the weights. */
  public Experts scaled(Keys keys) {
    float read = keys.floatValue("expert_weights_scale", 0, MAX_SCALE, 1);
    float scale = read == 0 ? 1 : Math.max(read, MIN_SCALE); // as llama.cpp's files say none
    Routing r = routing;
    var scaled = new Routing(r.count, r.used, r.score, r.over, scale, r.groups);
    return routed(scaled);
  }

  /** The same with the weights of a sparse mixer. */
  public Experts near() {
    Routing r = routing;
    return routed(new Routing(r.count, r.used, r.score, RouteOver.SPARSE_MIXER, r.scale, r.groups));
  }

  private Experts routed(Routing newRouting) {
    return new Experts(newRouting, width, sharedWidth, gate, gated, weighsInputs, limits, layers);
  }

  /** The same with the factors of gpt-oss. */
  public Experts clamp() {
    return gatedBy(ActivationKind.CLAMPED_SWISH);
  }

  /** The same with gates of another activation. */
  public Experts gatedBy(ActivationKind newGate) {
    return new Experts(routing, width, sharedWidth, newGate, gated, weighsInputs, limits, layers);
  }

  /** The same with plain blocks of an activation in the place of gated ones. */
  public Experts ungated(ActivationKind activation) {
    return new Experts(
        routing, width, sharedWidth, activation, false, weighsInputs, limits, layers);
  }

  /** The same with weights that scale what the one expert of a token reads. */
  public Experts weighingInputs() {
    if (routing.used != 1) {
      throw new IllegalArgumentException("weights scale inputs of one expert, not " + routing.used);
    }
    return new Experts(routing, width, sharedWidth, gate, gated, true, limits, layers);
  }

  /** The same with factors of limited magnitude. */
  public Experts limited(Limits newLimits) {
    return new Experts(routing, width, sharedWidth, gate, gated, weighsInputs, newLimits, layers);
  }

  /**
   * The same with the file's shared expert: of a width of its own, or of that of several others.
   */
  public Experts shared(Keys keys) {
    int several = keys.intValue("expert_shared_count", 0, routing.count, 0);
    int together = (int) Math.min((long) several * width, Sizes.MAX_WIDTH);
    int shared = keys.intValue("expert_shared_feed_forward_length", 0, Sizes.MAX_WIDTH, together);
    return sharing(shared);
  }

  /** The same with a shared expert of a width. */
  public Experts sharing(int newWidth) {
    return new Experts(routing, width, newWidth, gate, gated, weighsInputs, limits, layers);
  }

  /** The same in the layers from the first on that has a router. */
  public Experts placed(WeightLoader weights, Sizes sizes) {
    int dense = 0;
    while (dense < sizes.layers() && !weights.has("blk." + dense + ".ffn_gate_inp.weight")) {
      dense++;
    }
    var placed = new MixtureLayers(dense, 1);
    return new Experts(routing, width, sharedWidth, gate, gated, weighsInputs, limits, placed);
  }

  /** The same in those layers that the file says. */
  public Experts placed(Keys keys, Sizes sizes) {
    int dense = keys.intValue("leading_dense_block_count", 0, sizes.layers(), 0);
    int period = keys.intValue("interleave_moe_layer_step", 1, sizes.layers(), 1);
    var placed = new MixtureLayers(dense, period);
    return new Experts(routing, width, sharedWidth, gate, gated, weighsInputs, limits, placed);
  }
}

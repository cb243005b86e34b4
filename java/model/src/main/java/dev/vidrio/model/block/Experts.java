package dev.vidrio.model.block;

import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.ExpertOp.GroupRank;
import dev.vidrio.kernel.op.ExpertOp.Groups;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import org.jspecify.annotations.Nullable;

/**
 * The mixture of experts of a model (Shazeer et al. 2017, arXiv 1701.06538).
 *
 * @param routing choice of experts for a token
 * @param width width of an expert
 * @param sharedWidth width of the shared expert, to which all tokens go (Dai et al. 2024, arXiv
 *     2401.06066), or 0
 * @param gate activation of gates, or of whole experts without gates; that of gpt-oss clamps the
 *     other factor too
 * @param gated true if experts have gates
 * @param weighsInputs true if weights scale the input of an expert, not its output
 * @param limits clamps of gated blocks
 * @param layers layers with experts; the others are dense
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
   * The choice of experts for a token, and their weights.
   *
   * @param count E, experts of a layer
   * @param used k, experts of a token
   * @param score function of router logits
   * @param over experts over which weights add up to 1
   * @param scale factor of the weights
   * @param groups groups that experts are chosen in, or null
   */
  public record Routing(
      int count,
      int used,
      RouteScore score,
      RouteOver over,
      float scale,
      @Nullable Groups groups) {}

  /**
   * Largest magnitudes of both factors of a gated block; 0 for no limit.
   *
   * @param routed limit of routed experts
   * @param shared limit of the shared expert and of dense blocks
   */
  public record Limits(float routed, float shared) {
    /** No limits. */
    public static final Limits NONE = new Limits(0, 0);
  }

  /**
   * The layers with experts.
   *
   * @param first the first of them, counted from 0
   * @param period from the first on, layers have experts if their number, counted from 1, is a
   *     multiple of this
   */
  public record MixtureLayers(int first, int period) {
    /** Every layer. */
    static final MixtureLayers ALL = new MixtureLayers(0, 1);

    /** Returns whether a layer, counted from 0, has experts. */
    boolean contain(int layer) {
      return layer >= first && (layer + 1) % period == 0;
    }
  }

  private static final String GATING = "expert_gating_func";
  private static final String GROUPS = "expert_group_count";
  private static final float MIN_SCALE = 1e-6f;
  private static final float MAX_SCALE = 1e6f;

  /** Values of {@code expert_gating_func}; 0 means the default of the architecture. */
  private static final int SOFTMAX = 1;

  private static final int SIGMOID = 2;
  private static final int SOFTMAX_OF_CHOSEN = 3;

  /** Returns whether a model has experts, for architectures with and without. */
  public static boolean has(Hyperparameters params) {
    return params.intValue("expert_count", 0, ExpertOp.EXPERTS_MAX, 0) > 0;
  }

  /**
   * Reads experts in every layer, without a shared one.
   *
   * @param score score unless the file says otherwise
   * @param over normalization unless the file says otherwise
   */
  public static Experts read(
      Hyperparameters params, ModelDimensions dimensions, RouteScore score, RouteOver over) {
    return read(params, dimensions, score, over, null);
  }

  /**
   * Reads experts that may be chosen in groups.
   *
   * @param score score unless the file says otherwise
   * @param over normalization unless the file says otherwise
   * @param rank rank of a group; null if groups are not supported
   */
  public static Experts read(
      Hyperparameters params,
      ModelDimensions dimensions,
      RouteScore score,
      RouteOver over,
      @Nullable GroupRank rank) {
    int count = params.intValue("expert_count", 1, ExpertOp.EXPERTS_MAX);
    int used = params.intValue("expert_used_count", 1, count);
    boolean normalized = params.flag("expert_weights_norm", over == RouteOver.CHOSEN);
    int gating = params.intValue(GATING, 0, Integer.MAX_VALUE, 0);
    if (gating > SOFTMAX_OF_CHOSEN) {
      throw params.unsupported(params.full(GATING) + " " + gating);
    }
    requireWidth(params, "embedding_length", dimensions.d(), used);
    requireWidth(params, "expert_feed_forward_length", dimensions.dExpert(), used);
    RouteScore read =
        switch (gating) {
          case SOFTMAX, SOFTMAX_OF_CHOSEN -> RouteScore.SOFTMAX;
          case SIGMOID -> RouteScore.SIGMOID;
          default -> score;
        };
    RouteOver readOver =
        normalized || gating == SOFTMAX_OF_CHOSEN ? RouteOver.CHOSEN : RouteOver.ALL;
    var routing = new Routing(count, used, read, readOver, 1, groups(params, count, used, rank));
    return new Experts(
        routing,
        dimensions.dExpert(),
        0,
        ActivationKind.SILU,
        true,
        false,
        Limits.NONE,
        MixtureLayers.ALL);
  }

  private static @Nullable Groups groups(
      Hyperparameters params, int count, int used, @Nullable GroupRank rank) {
    int groups = params.intValue(GROUPS, 0, Integer.MAX_VALUE, 0);
    if (groups <= 1) {
      return null;
    }
    if (rank == null) {
      throw params.unsupported(params.full(GROUPS) + " of more than one");
    }
    int least = rank == GroupRank.MAX ? 1 : 2;
    if (groups > Groups.MAX || count % groups != 0 || count / groups < least) {
      throw params.error(
          GROUPS,
          Integer.toString(groups),
          "must divide " + count + " experts into at most " + Groups.MAX + ", of " + least);
    }
    String usedKey = "expert_group_used_count";
    int usedGroups = params.intValue(usedKey, 1, groups);
    if (used > usedGroups * (count / groups)) {
      throw params.error(
          usedKey, Integer.toString(usedGroups), "groups have fewer than " + used + " experts");
    }
    return new Groups(groups, usedGroups, rank);
  }

  /** Rejects activations, which have this width per expert of a token, that are too wide. */
  private static void requireWidth(Hyperparameters params, String key, int width, int used) {
    int most = Math.min(ExpertOp.K_MAX, ModelDimensions.MAX_WIDTH / used);
    if (width > most) {
      throw params.error(
          key,
          Integer.toString(width),
          "must be at most " + most + " where a token goes to " + used + " experts");
    }
  }

  /** Returns experts with weights scaled by the file's factor. */
  public Experts scaled(Hyperparameters params) {
    float read = params.floatValue("expert_weights_scale", 0, MAX_SCALE, 1);
    float scale = read == 0 ? 1 : Math.max(read, MIN_SCALE); // as llama.cpp's files say none
    Routing r = routing;
    var scaled = new Routing(r.count, r.used, r.score, r.over, scale, r.groups);
    return routed(scaled);
  }

  /** Returns experts with the weights of a sparse mixer (arXiv 2409.12136). */
  public Experts sparseMixer() {
    Routing r = routing;
    return routed(new Routing(r.count, r.used, r.score, RouteOver.SPARSE_MIXER, r.scale, r.groups));
  }

  private Experts routed(Routing newRouting) {
    return new Experts(newRouting, width, sharedWidth, gate, gated, weighsInputs, limits, layers);
  }

  /** Returns experts with another activation of their gates. */
  public Experts gatedBy(ActivationKind newGate) {
    return new Experts(routing, width, sharedWidth, newGate, gated, weighsInputs, limits, layers);
  }

  /** Returns experts without gates. */
  public Experts ungated(ActivationKind activation) {
    return new Experts(
        routing, width, sharedWidth, activation, false, weighsInputs, limits, layers);
  }

  /** Returns experts with weights that scale their inputs; a token must have one expert. */
  public Experts weighingInputs() {
    if (routing.used != 1) {
      throw new IllegalArgumentException("weights scale inputs of one expert, not " + routing.used);
    }
    return new Experts(routing, width, sharedWidth, gate, gated, true, limits, layers);
  }

  /** Returns experts with clamped factors. */
  public Experts limited(Limits newLimits) {
    return new Experts(routing, width, sharedWidth, gate, gated, weighsInputs, newLimits, layers);
  }

  /**
   * Returns experts with the file's shared expert; its width is given, or that of several experts.
   */
  public Experts shared(Hyperparameters params) {
    int several = params.intValue("expert_shared_count", 0, routing.count, 0);
    int together = (int) Math.min((long) several * width, ModelDimensions.MAX_WIDTH);
    int shared =
        params.intValue(
            "expert_shared_feed_forward_length", 0, ModelDimensions.MAX_WIDTH, together);
    return sharing(shared);
  }

  /** Returns experts with a shared expert of the given width. */
  public Experts sharing(int newWidth) {
    return new Experts(routing, width, newWidth, gate, gated, weighsInputs, limits, layers);
  }

  /** Returns experts in the layers from the first with a router on. */
  public Experts inLayers(WeightLoader weights, ModelDimensions dimensions) {
    int dense = 0;
    while (dense < dimensions.layers() && !weights.has("blk." + dense + ".ffn_gate_inp.weight")) {
      dense++;
    }
    return inLayers(new MixtureLayers(dense, 1));
  }

  /** Returns experts in the layers that the file's keys name. */
  public Experts inLayers(Hyperparameters params, ModelDimensions dimensions) {
    int dense = params.intValue("leading_dense_block_count", 0, dimensions.layers(), 0);
    int period = params.intValue("interleave_moe_layer_step", 1, dimensions.layers(), 1);
    return inLayers(new MixtureLayers(dense, period));
  }

  private Experts inLayers(MixtureLayers placed) {
    return new Experts(routing, width, sharedWidth, gate, gated, weighsInputs, limits, placed);
  }
}

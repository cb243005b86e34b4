package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SIGMOID;
import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.noPe;

import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.FeedForwardSpec;
import dev.vidrio.model.architecture.decoder.LayerRule;
import dev.vidrio.model.architecture.decoder.MixtureSpec;
import dev.vidrio.model.block.Attention.OutputTransform;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Experts.Limits;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.Transformer;
import org.jspecify.annotations.Nullable;

/**
 * Step 3.5 Flash (StepFun 2026): layers differ in query heads; sigmoid gates per head; RoPE on half
 * of a head in layers without a window; clamped experts in some layers.
 */
final class Step35 {
  /** Above the magnitude of SiLU's minimum, so that a clamp on both sides is one from above. */
  private static final float MIN_LIMIT = 0.3f;

  private static final float MAX_LIMIT = 1e6f;

  private Step35() {}

  static DecoderSpec spec() {
    return DecoderSpec.of(
            noPe()
                .queryKeyNorm(QueryKeyNorm.PER_HEAD)
                .output(OutputTransform.SIGMOID_GATE_PER_HEAD)
                .change((model, a) -> a.withRope(model.rope(HALVES).overHalf().scaled()))
                .windowWithRope(LayerRule.listed("attention.sliding_window_pattern"), HALVES))
        .dimensions(ModelDimensions::heterogeneous)
        .skipDraftBlocks()
        .feedForward(Step35::clampedExperts);
  }

  private static FeedForwardSpec.OfLayer clampedExperts(Transformer model) {
    Hyperparameters params = model.params();
    Experts experts =
        MixtureSpec.of(SIGMOID, CHOSEN).scaled().shared().inListedLayers().experts(model);
    int blocks = model.dimensions().layers() + ModelDimensions.draftBlocks(params);
    float @Nullable [] routed = limits(params, "swiglu_clamp_exp", blocks);
    float @Nullable [] shared = limits(params, "swiglu_clamp_shexp", blocks);
    return (layer, residPre) -> {
      int l = layer.index();
      var limits = new Limits(routed == null ? 0 : routed[l], shared == null ? 0 : shared[l]);
      return layer.mixture(experts.limited(limits));
    };
  }

  /** Returns the limit of each block, 0 for none, or null if the file has none. */
  private static float @Nullable [] limits(Hyperparameters params, String key, int blocks) {
    if (!params.has(key)) {
      return null;
    }
    float[] limits = params.floatsPerLayer(key, blocks);
    for (float limit : limits) {
      if (limit != 0 && !(limit >= MIN_LIMIT && limit <= MAX_LIMIT)) {
        throw params.error(
            key, Float.toString(limit), "must be 0 or between " + MIN_LIMIT + " and " + MAX_LIMIT);
      }
    }
    return limits;
  }
}

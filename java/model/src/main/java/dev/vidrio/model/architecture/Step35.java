package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.Behind;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Experts.Limits;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Step 3.5 Flash (StepFun 2026): {@link Laguna} with gates of sigmoids, one for each head. Half of
 * a head turns in layers without a window, and in some layers the factors of experts are limited.
 * Blocks that draft tokens are passed over.
 */
final class Step35 {
  /** Above what SiLU falls below 0: then a limit on both sides is one of the upper alone. */
  private static final float MIN_LIMIT = 0.3f;

  private static final float MAX_LIMIT = 1e6f;

  private Step35() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    int drafts = Sizes.drafts(keys);
    Sizes sizes = Sizes.varied(keys, drafts);
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    weights.ignoreBlocks(sizes.layers(), drafts);
    Attention attention =
        Attention.scaled(keys.attentionScale(sizes.dH()))
            .normalized(QueryKeyNorm.HEAD)
            .behind(Behind.GATE_OF_HEADS);
    Attention full = attention.rotated(model.rope(Rotation.Pairs.HALVES).halved().scaled());
    Attention sliding =
        attention
            .rotated(model.rope(Rotation.Pairs.HALVES).plain("rope.freq_base_swa", 10000f))
            .windowed(keys.intValue("attention.sliding_window", 1, Integer.MAX_VALUE));
    IntPredicate slides = keys.layers("attention.sliding_window_pattern");
    Experts experts =
        Experts.read(keys, sizes, RouteScore.SIGMOID, RouteOver.CHOSEN)
            .scaled(keys)
            .shared(keys)
            .placed(keys, sizes);
    float @Nullable [] routed = limits(keys, "swiglu_clamp_exp", sizes.layers() + drafts);
    float @Nullable [] shared = limits(keys, "swiglu_clamp_shexp", sizes.layers() + drafts);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      int l = layer.index();
      var limits = new Limits(routed == null ? 0 : routed[l], shared == null ? 0 : shared[l]);
      x =
          layer.preNorm(
              x,
              layer.attention(slides.test(l) ? sliding : full),
              layer.mixture(experts.limited(limits)));
    }
    return Architecture.of(model, x, model.unembedding());
  }

  /** Of each block, 0 for none. */
  private static float @Nullable [] limits(Keys keys, String key, int blocks) {
    if (!keys.has(key)) {
      return null;
    }
    float[] limits = keys.floatsInEachLayer(key, blocks);
    for (float limit : limits) {
      if (limit != 0 && !(limit >= MIN_LIMIT && limit <= MAX_LIMIT)) {
        throw keys.error(
            key, Float.toString(limit), "must be 0, or " + MIN_LIMIT + " to " + MAX_LIMIT);
      }
    }
    return limits;
  }
}

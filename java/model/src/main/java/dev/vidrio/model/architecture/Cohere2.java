package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Command R7B and Command A (arXiv 2504.00698): {@link CommandR} with a sliding window in three of
 * four layers; the others attend to all positions, without knowing them. Later models have experts.
 */
final class Cohere2 {
  private static final int LAYERS_PER_FULL = 4;

  private Cohere2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    return read(new Transformer(keys, weights, NormKind.LAYER), 0, null);
  }

  /**
   * Reads one with experts beside a shared one, whose mean they write. Dense layers come first, and
   * know positions even where they attend to all. Blocks that draft tokens are passed over.
   */
  static Architecture readMixture(Keys keys, WeightLoader weights) {
    boolean rms = keys.has("attention.layer_norm_rms_epsilon");
    NormKind norm = rms ? NormKind.RMS : NormKind.LAYER;
    var model = new Transformer(keys, weights, norm, Sizes.drafts(keys));
    Sizes sizes = model.sizes();
    Experts experts =
        Experts.read(keys, sizes, RouteScore.SIGMOID, RouteOver.ALL)
            .scaled(keys)
            .shared(keys)
            .placed(keys, sizes);
    return read(model, keys.intValue("leading_dense_block_count", 0, sizes.layers(), 0), experts);
  }

  private static Architecture read(Transformer model, int dense, @Nullable Experts experts) {
    Keys keys = model.keys();
    Attention full = Attention.scaled(keys.attentionScale(model.sizes().dH()));
    Attention turning = full.rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
    Attention sliding =
        turning.windowed(keys.intValue("attention.sliding_window", 1, Integer.MAX_VALUE));
    IntPredicate slides = keys.slidingLayers(LAYERS_PER_FULL);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      int l = layer.index();
      Attention attention = slides.test(l) ? sliding : l < dense ? turning : full;
      Sublayer ffn =
          experts == null || l < dense
              ? layer.gatedFfn(ActivationKind.SILU)
              : mixture(model, layer, experts);
      x = layer.parallel(x, layer.attention(attention), ffn);
    }
    Sublayer scale =
        model.scale(keys.floatValue("logit_scale", CommandR.MIN_SCALE, CommandR.MAX_SCALE));
    return Architecture.of(model, x, model.unembedding().then("unscaled", scale));
  }

  private static Sublayer mixture(Transformer model, Layer layer, Experts experts) {
    Sublayer sum = layer.mixture(experts);
    return experts.sharedWidth() == 0 ? sum : sum.then("sum", model.scale(0.5f));
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.GroupRank;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * K-EXAONE (arXiv 2601.01739): the attention of {@link Exaone4} behind norms, dense layers first,
 * then experts that sigmoids and a bias choose, and a shared one. Blocks that draft tokens are
 * passed over.
 */
final class ExaoneMoe {
  private static final int LAYERS_PER_FULL = 4;

  private ExaoneMoe() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS, Sizes.drafts(keys));
    Attention full =
        Attention.scaled(keys.attentionScale(model.sizes().dH())).normalized(QueryKeyNorm.HEAD);
    Attention sliding =
        full.rotated(model.rope(Rotation.Pairs.HALVES).scaled())
            .windowed(keys.intValue("attention.sliding_window", 1, Integer.MAX_VALUE));
    IntPredicate slides = keys.slidingLayers(LAYERS_PER_FULL);
    Experts experts =
        Experts.read(keys, model.sizes(), RouteScore.SIGMOID, RouteOver.ALL, GroupRank.TOP_TWO)
            .scaled(keys)
            .shared(keys)
            .placed(keys, model.sizes());
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? sliding : full;
      x = layer.preNorm(x, layer.attention(attention), layer.mixture(experts));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

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
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * Arcee's Trinity (AFMoE): norms before and after each sublayer, normalized queries and keys, gates
 * behind attention; windows slide in three layers of four, and only these turn. Dense layers come
 * first, then experts that sigmoids and a bias choose, and a shared one.
 */
final class Afmoe {
  private static final int LAYERS_PER_FULL = 4;

  private Afmoe() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Experts experts =
        Experts.read(keys, model.sizes(), RouteScore.SIGMOID, RouteOver.ALL)
            .scaled(keys)
            .shared(keys)
            .placed(keys, model.sizes());
    Attention full =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.HEAD)
            .behind(Behind.GATE);
    Attention sliding =
        full.rotated(model.rope(Rotation.Pairs.HALVES).scaled()).windowed(keys.window(0));
    IntPredicate slides = keys.slidingLayers(LAYERS_PER_FULL);
    Buffer x = model.embed((float) Math.sqrt(model.sizes().d()));
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? sliding : full;
      x = layer.sandwiched(x, layer.attention(attention), layer.mixture(experts));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

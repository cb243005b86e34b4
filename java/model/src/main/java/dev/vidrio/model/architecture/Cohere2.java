package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * Command R7B and Command A (arXiv 2504.00698): {@link CommandR} with a sliding window in three of
 * four layers; the others attend to all positions, without knowing them.
 */
final class Cohere2 {
  private static final int LAYERS_PER_FULL = 4;

  private Cohere2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention full = Attention.scaled(keys.attentionScale(model.sizes().dH()));
    Attention sliding =
        full.rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled())
            .windowed(keys.intValue("attention.sliding_window", 1, Integer.MAX_VALUE));
    IntPredicate slides = keys.slidingLayers(LAYERS_PER_FULL);
    Buffer x = model.embed("hook_embed");
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? sliding : full;
      x = layer.parallel(x, layer.attention(attention), layer.gatedFfn(ActivationKind.SILU));
    }
    Sublayer scale =
        model.scale(keys.floatValue("logit_scale", CommandR.MIN_SCALE, CommandR.MAX_SCALE));
    return Architecture.of(model, x, model.unembedding().then("unscaled", scale));
  }
}

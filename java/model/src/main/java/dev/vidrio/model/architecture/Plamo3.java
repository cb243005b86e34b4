package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * PLaMo 3 (Preferred Networks 2025): {@link Gemma3} with SwiGLU, embeddings as they are, and a
 * sliding window in seven of eight layers.
 */
final class Plamo3 {
  private static final int LAYERS_PER_FULL = 8;

  private Plamo3() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    RopeReader rope = model.rope(Rotation.Pairs.HALVES).unrounded();
    Attention full =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(rope.scaled());
    int window = keys.window(0);
    Attention sliding = full.rotated(rope.plain("rope.freq_base_swa", 10000f)).windowed(window);
    IntPredicate slides = keys.slidingLayers(LAYERS_PER_FULL);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      boolean local = window > 0 && slides.test(layer.index());
      Attention attention = local ? sliding : full;
      x = layer.sandwiched(x, layer.attention(attention), layer.gatedFfn(ActivationKind.SILU));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

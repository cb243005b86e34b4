package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * PLaMo 13B (Preferred Networks 2023): attention and SwiGLU side by side behind one RMSNorm, rotary
 * halves and grouped queries.
 */
final class Plamo {
  private Plamo() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      x = layer.parallel(x, layer.attention(attention), layer.gatedFfn(ActivationKind.SILU));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

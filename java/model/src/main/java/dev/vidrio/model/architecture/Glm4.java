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
 * GLM-4 0414 (arXiv 2406.12793): {@link Llama} with norms behind the sublayers too, rotary
 * positions in a part of each head, and gate and up in one projection, split here.
 */
final class Glm4 {
  private Glm4() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      x = layer.sandwiched(x, layer.attention(attention), layer.gatedFfn(ActivationKind.SILU));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

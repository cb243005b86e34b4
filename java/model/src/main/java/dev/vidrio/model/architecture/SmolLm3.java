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

/** SmolLM3: {@link Llama} in which every fourth layer knows no positions (arXiv 2501.18795). */
final class SmolLm3 {
  private static final int LAYERS_PER_UNROTATED = 4;

  private SmolLm3() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention unrotated = Attention.scaled(keys.attentionScale(model.sizes().dH()));
    Attention rotated = unrotated.rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      boolean turns = (layer.index() + 1) % LAYERS_PER_UNROTATED != 0;
      x =
          layer.preNorm(
              x, layer.attention(turns ? rotated : unrotated), layer.gatedFfn(ActivationKind.SILU));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

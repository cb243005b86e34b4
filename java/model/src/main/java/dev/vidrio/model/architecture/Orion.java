package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;

/** Orion 14B (arXiv 2401.12246): LayerNorm with a bias, rotary halves and SwiGLU. */
final class Orion {
  private Orion() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x =
        model.preNorm(
            model.embed("hook_embed"), attention, layer -> layer.gatedFfn(ActivationKind.SILU));
    return model.finish(x, model.unembedding());
  }
}

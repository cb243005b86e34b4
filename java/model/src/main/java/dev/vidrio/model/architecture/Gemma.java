package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * Gemma (arXiv 2403.08295): pre-norm blocks with GeGLU over embeddings that are scaled by √d. Files
 * hold the gains of the norms with the one that the model adds to them.
 */
final class Gemma {
  private Gemma() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x =
        model.preNorm(
            model.embed((float) Math.sqrt(model.sizes().d())),
            attention,
            layer -> layer.gatedFfn(ActivationKind.GELU_TANH));
    return Architecture.of(model, x, model.unembedding());
  }
}

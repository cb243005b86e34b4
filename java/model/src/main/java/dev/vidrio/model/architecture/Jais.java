package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * Jais (arXiv 2308.16149): {@link Mpt} with SwiGLU, biases, and scores divided by d_h instead of
 * its root (arXiv 2203.03466). Files hold its embeddings multiplied by their constants.
 */
final class Jais {
  private Jais() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    float maxBias = keys.floatValue("attention.max_alibi_bias", 1e-3f, 1e3f);
    Attention attention =
        Attention.scaled(1f / model.sizes().dH()).sloped(model.alibiSlopes(maxBias));
    Buffer x =
        model.preNorm(model.embed(), attention, layer -> layer.gatedFfn(ActivationKind.SILU));
    return Architecture.of(model, x, model.unembedding());
  }
}

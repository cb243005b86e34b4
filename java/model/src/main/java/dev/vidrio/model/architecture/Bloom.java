package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * BLOOM (arXiv 2211.05100): {@link Gpt2} with normalized embeddings, and with attention that falls
 * with the distance (ALiBi) in place of learned positions.
 */
final class Bloom {
  private static final float MAX_BIAS = 8;

  private Bloom() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .sloped(model.alibiSlopes(MAX_BIAS));
    Buffer x =
        model.preNorm(
            model.normalizedEmbedding(),
            attention,
            layer -> layer.plainFfn(ActivationKind.GELU_TANH));
    return Architecture.of(model, x, model.unembedding());
  }
}

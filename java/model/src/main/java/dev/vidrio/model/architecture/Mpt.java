package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * MPT (MosaicML 2023): {@link Gpt2} with attention that falls with the distance (ALiBi) in place of
 * learned positions, the exact GELU, and no biases.
 */
final class Mpt {
  private Mpt() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    float maxBias = keys.floatValue("attention.max_alibi_bias", 1e-3f, 1e3f);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .sloped(model.alibiSlopes(maxBias));
    Buffer x =
        model.preNorm(model.embed(), attention, layer -> layer.plainFfn(ActivationKind.GELU));
    return Architecture.of(model, x, model.unembedding());
  }
}

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
 * OLMo (arXiv 2402.00838): {@link Llama} with LayerNorm that has neither gain nor bias, and in some
 * models queries, keys and values of a limited magnitude.
 */
final class Olmo {
  private Olmo() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER, false);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .clamped(keys.clamp())
            .rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
    Buffer x =
        model.preNorm(model.embed(), attention, layer -> layer.gatedFfn(ActivationKind.SILU));
    return Architecture.of(model, x, model.unembedding());
  }
}

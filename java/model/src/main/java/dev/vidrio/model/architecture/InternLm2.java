package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;

/** InternLM 2 (arXiv 2403.17297) and XVERSE: {@link Llama} of the first version. */
final class InternLm2 {
  private InternLm2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
    Buffer x =
        model.preNorm(
            model.embed("hook_embed"), attention, layer -> layer.gatedFfn(ActivationKind.SILU));
    return model.finish(x, model.unembedding());
  }
}

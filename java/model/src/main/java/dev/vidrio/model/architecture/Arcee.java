package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/** Arcee's AFM: {@link Llama} with a plain feed-forward block, of squared ReLU. */
final class Arcee {
  private Arcee() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
    Buffer x =
        model.preNorm(
            model.embed(), attention, layer -> layer.plainFfn(ActivationKind.SQUARED_RELU));
    return Architecture.of(model, x, model.unembedding());
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * nanochat (Karpathy 2025): {@link Arcee} with norms that have no gains, one of them behind the
 * embedding, and those of queries and keys behind their rotation, which turns the other way; and a
 * soft cap on logits.
 */
final class NanoChat {
  private NanoChat() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS, false);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.TURNED_HEAD_NO_GAIN)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled().negated());
    Buffer x =
        model.preNorm(
            model.normalizedEmbedding(),
            attention,
            layer -> layer.plainFfn(ActivationKind.SQUARED_RELU));
    float cap = keys.cap("final_logit_softcapping", 15);
    return Architecture.of(model, x, model.cappedUnembedding(cap));
  }
}

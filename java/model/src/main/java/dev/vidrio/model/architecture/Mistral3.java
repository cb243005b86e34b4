package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * Ministral 3 (Mistral AI 2025): {@link Llama} whose queries grow with the position beyond the
 * context that it knew before YaRN.
 */
final class Mistral3 {
  private Mistral3() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    RopeReader rope = model.rope(Rotation.Pairs.INTERLEAVED);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(rope.scaled(), rope.temperature());
    Buffer x =
        model.preNorm(model.embed(), attention, layer -> layer.gatedFfn(ActivationKind.SILU));
    return Architecture.of(model, x, model.unembedding());
  }
}

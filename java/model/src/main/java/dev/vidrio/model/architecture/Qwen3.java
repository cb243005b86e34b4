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

/** Qwen 3 (arXiv 2505.09388): {@link Qwen2} with normalized queries and keys. */
final class Qwen3 {
  private Qwen3() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x =
        model.preNorm(model.embed(), attention, layer -> layer.gatedFfn(ActivationKind.SILU));
    return Architecture.of(model, x, model.unembedding());
  }
}

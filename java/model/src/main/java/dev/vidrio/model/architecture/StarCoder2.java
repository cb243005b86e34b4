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
 * StarCoder 2 (arXiv 2402.19173): {@link Gpt2} with grouped queries, and rotary positions in place
 * of learned ones. Its models have sliding windows, which files of llama.cpp leave out. CodeShell
 * (arXiv 2403.15747) has none.
 */
final class StarCoder2 {
  private StarCoder2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled())
            .windowed(keys.window(0));
    Buffer x =
        model.preNorm(model.embed(), attention, layer -> layer.plainFfn(ActivationKind.GELU_TANH));
    return Architecture.of(model, x, model.unembedding());
  }
}

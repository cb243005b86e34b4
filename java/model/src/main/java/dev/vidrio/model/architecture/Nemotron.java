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
 * Nemotron 4 (arXiv 2402.16819) and Minitron (arXiv 2407.14679): LayerNorm, a part of each head
 * that turns, a plain feed-forward block of squared ReLU. Files hold gains with the one that norms
 * add to them.
 */
final class Nemotron {
  private Nemotron() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x =
        model.preNorm(
            model.embed(), attention, layer -> layer.plainFfn(ActivationKind.SQUARED_RELU));
    return Architecture.of(model, x, model.unembedding());
  }
}

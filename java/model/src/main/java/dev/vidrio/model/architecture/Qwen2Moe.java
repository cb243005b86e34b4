package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * Qwen 1.5 and 2 with a mixture of experts (arXiv 2407.10671): {@link Qwen2} but for its blocks,
 * which have a shared expert by a weight of its own.
 */
final class Qwen2Moe {
  private Qwen2Moe() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Experts experts =
        Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.ALL).shared(keys);
    Buffer x = model.preNorm(model.embed(), attention, layer -> layer.mixture(experts));
    return Architecture.of(model, x, model.unembedding());
  }
}

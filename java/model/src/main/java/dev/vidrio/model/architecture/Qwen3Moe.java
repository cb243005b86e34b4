package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/** Qwen 3 with a mixture of experts (arXiv 2505.09388): {@link Qwen3} but for its blocks. */
final class Qwen3Moe {
  private Qwen3Moe() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Experts experts = Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.CHOSEN);
    Buffer x = model.preNorm(model.embed(), attention, layer -> layer.mixture(experts));
    return Architecture.of(model, x, model.unembedding());
  }
}

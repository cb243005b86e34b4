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
 * DeepSeekMoE (Dai et al. 2024, arXiv 2401.06066) and Ling (arXiv 2503.05139): {@link Llama} with
 * dense layers first, then experts that a softmax chooses, and shared ones.
 */
final class Deepseek {
  private Deepseek() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
    Experts experts =
        Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.ALL)
            .scaled(keys)
            .shared(keys)
            .placed(keys, model.sizes());
    Buffer x = model.preNorm(model.embed(), attention, layer -> layer.mixture(experts));
    return Architecture.of(model, x, model.unembedding());
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * GPT-2 (Radford et al. 2019): pre-norm blocks with LayerNorm and a plain feed-forward block over
 * embeddings of tokens and positions. Queries, keys and values are one projection, split here.
 * StarCoder (arXiv 2305.06161) has one key-value head (arXiv 1911.02150).
 */
final class Gpt2 {
  private Gpt2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Sizes sizes = model.sizes();
    PlanBuilder plan = model.plan();
    Attention attention = Attention.scaled(keys.attentionScale(sizes.dH()));
    Buffer tokens = model.embed("hook_embed");
    Buffer positions =
        plan.embedPositions(
            "hook_pos_embed",
            weights.table("position_embd.weight", sizes.contextLength(), sizes.d()),
            0);
    Buffer x =
        model.preNorm(
            plan.add("blocks.0.hook_resid_pre", tokens, positions),
            attention,
            layer -> layer.plainFfn(ActivationKind.GELU_TANH));
    return Architecture.of(model, x, model.unembedding());
  }
}

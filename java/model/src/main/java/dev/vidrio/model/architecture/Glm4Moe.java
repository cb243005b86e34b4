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
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * GLM-4.5 (arXiv 2508.06471): rotary positions in a part of each head, in some models normalized
 * queries and keys, dense layers first, then experts that sigmoids and a bias choose, and a shared
 * one. Blocks that draft tokens are passed over.
 */
final class Glm4Moe {
  private Glm4Moe() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS, Sizes.drafts(keys));
    boolean normalizes = weights.has("blk.0.attn_q_norm.weight");
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(normalizes ? QueryKeyNorm.HEAD : QueryKeyNorm.NONE)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Experts experts =
        Experts.read(keys, model.sizes(), RouteScore.SIGMOID, RouteOver.ALL)
            .scaled(keys)
            .shared(keys)
            .placed(keys, model.sizes());
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      x =
          layer.preNorm(
              x, layer.attention(attention), "post_attention_norm", layer.mixture(experts));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

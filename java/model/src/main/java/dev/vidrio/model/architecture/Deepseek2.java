package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.GroupRank;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.LatentAttention;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import org.jspecify.annotations.Nullable;

/**
 * DeepSeek V2 (arXiv 2405.04434), V3 and R1 (arXiv 2412.19437), Mistral 4 and models of their
 * shape: {@link LatentAttention}, dense layers first, then experts that a softmax chooses, or
 * sigmoids and a bias, in groups or not, and a shared one. Some are dense. Queries of Mistral's
 * grow with the position, and A.X K1 (SK Telecom 2026) has a norm behind its experts. Blocks that
 * draft tokens are passed over.
 */
final class Deepseek2 {
  private static final String NORM_BEHIND = "post_ffw_norm";

  private Deepseek2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    int drafts = Sizes.drafts(keys);
    Sizes sizes = LatentAttention.sizes(keys, drafts);
    int dense = keys.intValue("leading_dense_block_count", 0, sizes.layers(), 0);
    // V2 has no bias, and ranks a group by its best expert; V3 has one, and takes the best two.
    boolean biased = weights.has("blk." + dense + ".exp_probs_b.bias");
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    weights.ignoreBlocks(sizes.layers(), drafts);
    var attention = new LatentAttention(model);
    @Nullable Experts experts =
        dense == sizes.layers()
            ? null
            : Experts.read(
                    keys,
                    sizes,
                    biased ? RouteScore.SIGMOID : RouteScore.SOFTMAX,
                    RouteOver.ALL,
                    biased ? GroupRank.TOP_TWO : GroupRank.MAX)
                .scaled(keys)
                .shared(keys)
                .placed(keys, sizes);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Sublayer ffn = experts == null ? layer.gatedFfn(ActivationKind.SILU) : layer.mixture(experts);
      boolean normalizes = weights.has(layer.tensor(NORM_BEHIND + ".weight"));
      x = layer.preNorm(x, attention.of(layer), normalizes ? layer.ln2Post(NORM_BEHIND, ffn) : ffn);
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

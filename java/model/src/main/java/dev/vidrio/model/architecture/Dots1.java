package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.GroupRank;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import org.jspecify.annotations.Nullable;

/**
 * dots.llm1 (arXiv 2506.05767), Ling 2.0 (arXiv 2510.22115) and Hunyuan 3 (Tencent 2026): {@link
 * Qwen3} with dense layers first, then experts that sigmoids and a bias choose, in groups or not,
 * and a shared one. Blocks that draft tokens are passed over.
 */
final class Dots1 {
  private Dots1() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS, Sizes.drafts(keys));
    Experts experts = experts(model, GroupRank.TOP_TWO);
    return read(model, experts.placed(keys, model.sizes()));
  }

  /** Reads Hunyuan 3, whose files do not say how many layers are dense. */
  static Architecture readHunyuan(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS, Sizes.drafts(keys));
    return read(model, experts(model, null).placed(weights, model.sizes()));
  }

  private static Experts experts(Transformer model, @Nullable GroupRank rank) {
    Keys keys = model.keys();
    return Experts.read(keys, model.sizes(), RouteScore.SIGMOID, RouteOver.ALL, rank)
        .scaled(keys)
        .shared(keys);
  }

  private static Architecture read(Transformer model, Experts experts) {
    Attention attention =
        Attention.scaled(model.keys().attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x = model.preNorm(model.embed(), attention, layer -> layer.mixture(experts));
    return Architecture.of(model, x, model.unembedding());
  }
}

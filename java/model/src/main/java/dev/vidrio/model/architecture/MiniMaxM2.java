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

/**
 * MiniMax M2 (MiniMax 2025): queries and keys that are normalized over all heads, rotary positions
 * in a part of each, and experts that sigmoids and a bias choose.
 */
final class MiniMaxM2 {
  private MiniMaxM2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.ALL_HEADS)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Experts experts =
        Experts.read(keys, model.sizes(), RouteScore.SIGMOID, RouteOver.CHOSEN).scaled(keys);
    Buffer x = model.preNorm(model.embed(), attention, layer -> layer.mixture(experts));
    return Architecture.of(model, x, model.unembedding());
  }
}

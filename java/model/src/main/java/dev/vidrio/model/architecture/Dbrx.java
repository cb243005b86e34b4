package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * DBRX (Databricks 2024): LayerNorm without a bias, queries, keys and values that are one clamped
 * projection, split here, and experts.
 */
final class Dbrx {
  private Dbrx() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .clamped(keys.clamp())
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Experts experts = Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.CHOSEN);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      x = layer.preNorm(x, layer.attention(attention), "attn_output_norm", layer.mixture(experts));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

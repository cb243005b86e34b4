package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * StableLM (arXiv 2402.17834): LayerNorm, SwiGLU and rotary positions in a part of each head. Where
 * there is no second norm, attention and feed-forward block share the first side by side; files
 * that have one may nevertheless call themselves parallel. StableLM 2 12B normalizes queries and
 * keys, each head with gains of its own.
 */
final class StableLm {
  private StableLm() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(
                weights.has("blk.0.attn_q_norm.weight")
                    ? QueryKeyNorm.HEAD_OWN_GAIN
                    : QueryKeyNorm.NONE)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    boolean sequential =
        weights.has("blk.0.ffn_norm.weight") || !keys.flag("use_parallel_residual", true);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Sublayer attend = layer.attention(attention);
      Sublayer ffn = layer.gatedFfn(ActivationKind.SILU);
      x = sequential ? layer.preNorm(x, attend, ffn) : layer.parallel(x, attend, ffn);
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

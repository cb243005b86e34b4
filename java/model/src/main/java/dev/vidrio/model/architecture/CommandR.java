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
 * Command R (Cohere 2024) and Aya 23 (arXiv 2405.15032): attention and SwiGLU side by side behind
 * one LayerNorm without a bias, rotary pairs side by side, and logits times a constant. Command R+
 * normalizes queries and keys, each head with gains of its own.
 */
final class CommandR {
  static final float MIN_SCALE = 1e-6f;
  static final float MAX_SCALE = 1e6f;

  private CommandR() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(
                weights.has("blk.0.attn_q_norm.weight")
                    ? QueryKeyNorm.HEAD_OWN_GAIN
                    : QueryKeyNorm.NONE)
            .rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      x = layer.parallel(x, layer.attention(attention), layer.gatedFfn(ActivationKind.SILU));
    }
    Sublayer scale = model.scale(keys.floatValue("logit_scale", MIN_SCALE, MAX_SCALE, 1));
    return Architecture.of(model, x, model.unembedding().then("unscaled", scale));
  }
}

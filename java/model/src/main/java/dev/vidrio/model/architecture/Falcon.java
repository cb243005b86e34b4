package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * Falcon (arXiv 2311.16867): attention and a plain feed-forward block side by side behind one
 * LayerNorm. In the larger models attention has a norm of its own, {@code attn_norm_2} in files,
 * and several heads of keys and values.
 */
final class Falcon {
  private Falcon() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    boolean twoNorms = weights.has("blk.0.attn_norm_2.weight");
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Sublayer attend = layer.attention(attention);
      Sublayer ffn = layer.plainFfn(ActivationKind.GELU);
      x =
          twoNorms
              ? layer.parallel(
                  x, layer.ln1("attn_norm_2", x), attend, layer.ln2("attn_norm", x), ffn)
              : layer.parallel(x, attend, ffn);
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

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
 * HyperCLOVA X Think (arXiv 2506.22403): {@link Granite} with a norm after each sublayer too, where
 * the file has one, and logits that are multiplied.
 */
final class HyperClovaX {
  private static final float MIN = 1e-6f;
  private static final float MAX = 1e6f;

  private HyperClovaX() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    boolean sandwiched = weights.has("blk.0.post_ffw_norm.weight");
    Sublayer scale = model.scale(keys.floatValue("residual_scale", MIN, MAX, 1));
    Buffer x = model.embed(keys.floatValue("embedding_scale", MIN, MAX, 1));
    for (Layer layer : model.layers()) {
      Sublayer attend = layer.attention(attention);
      Sublayer ffn = layer.gatedFfn(ActivationKind.SILU);
      if (sandwiched) {
        attend = layer.ln1Post("post_attention_norm", attend);
        ffn = layer.ln2Post("post_ffw_norm", ffn);
      }
      x = layer.preNorm(x, attend.then("unscaled", scale), ffn.then("unscaled", scale));
    }
    Sublayer multiply = model.scale(keys.floatValue("logit_scale", MIN, MAX, 1));
    return Architecture.of(model, x, model.unembedding().then("unscaled", multiply));
  }
}

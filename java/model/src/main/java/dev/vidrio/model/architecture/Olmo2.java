package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.architecture.Attention.QueryKeyNorm;

/**
 * OLMo 2 (arXiv 2501.00656): {@link Llama} with the norms behind the sublayers, and normalized
 * queries and keys.
 */
final class Olmo2 {
  private Olmo2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.ALL_HEADS)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x = model.embed("hook_embed");
    for (Layer layer : model.layers()) {
      x =
          layer.sequential(
              x,
              layer.normalized("post_attention_norm", layer.attention(attention)),
              layer.normalized("post_ffw_norm", layer.gatedFfn(ActivationKind.SILU)));
    }
    return model.finish(x, model.unembedding());
  }
}

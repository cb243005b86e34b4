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
 * GPT-NeoX (arXiv 2204.06745) and Pythia (arXiv 2304.01373): attention and feed-forward block side
 * by side, each with its LayerNorm; rotary positions in a part of each head.
 */
final class GptNeox {
  private GptNeox() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    boolean parallel = keys.flag("use_parallel_residual", true);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Sublayer attend = layer.attention(attention);
      Sublayer ffn = layer.plainFfn(ActivationKind.GELU);
      x =
          parallel
              ? layer.parallel(x, layer.ln1(x), attend, layer.ln2(x), ffn)
              : layer.preNorm(x, attend, ffn);
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

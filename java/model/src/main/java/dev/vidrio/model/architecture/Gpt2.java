package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * GPT-2 (Radford et al. 2019): pre-norm blocks with LayerNorm and a plain feed-forward block over
 * embeddings of tokens and positions. Queries, keys and values are one projection, split here.
 * StarCoder (arXiv 2305.06161) has one key-value head (arXiv 1911.02150).
 */
final class Gpt2 {
  private Gpt2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    return read(keys, weights, ActivationKind.GELU_TANH);
  }

  /** OPT (arXiv 2205.01068) with its norms before sublayers: the same with ReLU. */
  static Architecture readOpt(Keys keys, WeightLoader weights) {
    return read(keys, weights, ActivationKind.RELU);
  }

  private static Architecture read(Keys keys, WeightLoader weights, ActivationKind kind) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention = Attention.scaled(keys.attentionScale(model.sizes().dH()));
    Buffer x = model.preNorm(model.embedWithPositions(), attention, layer -> layer.plainFfn(kind));
    return Architecture.of(model, x, model.unembedding());
  }
}

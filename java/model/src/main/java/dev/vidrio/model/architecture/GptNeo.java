package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * GPT-Neo (Black et al. 2021), of whose kind the models of TinyStories (arXiv 2305.07759) are:
 * {@link Gpt2} with undivided attention scores and a sliding window in some layers.
 */
final class GptNeo {
  private GptNeo() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention global = Attention.scaled(1);
    Attention local =
        global.windowed(keys.intValue("attention.sliding_window", 1, Integer.MAX_VALUE));
    IntPredicate slides = keys.layers("attention.sliding_window_pattern");
    Buffer x = model.embedWithPositions();
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? local : global;
      x = layer.preNorm(x, layer.attention(attention), layer.plainFfn(ActivationKind.GELU_TANH));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

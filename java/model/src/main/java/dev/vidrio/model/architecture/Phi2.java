package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * Phi 1, 1.5 (arXiv 2309.05463) and 2: attention and a plain feed-forward block side by side behind
 * one LayerNorm, rotary positions in a part of each head, and biases everywhere, that of the logits
 * among them. GPT-J (Wang and Komatsuzaki 2021) has adjacent rotary pairs, and no biases in
 * attention.
 */
final class Phi2 {
  private Phi2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    return read(keys, weights, Rotation.Pairs.HALVES);
  }

  static Architecture readGptJ(Keys keys, WeightLoader weights) {
    return read(keys, weights, Rotation.Pairs.INTERLEAVED);
  }

  private static Architecture read(Keys keys, WeightLoader weights, Rotation.Pairs pairs) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(pairs).scaled());
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      x = layer.parallel(x, layer.attention(attention), layer.plainFfn(ActivationKind.GELU_TANH));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

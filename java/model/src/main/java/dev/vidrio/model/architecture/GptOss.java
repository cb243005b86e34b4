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
import java.util.function.IntPredicate;

/**
 * gpt-oss (arXiv 2508.10925): attention with sinks, in every other layer over a sliding window;
 * biases; experts whose factors are clamped. Its YaRN does not round to whole pairs.
 */
final class GptOss {
  private static final int PERIOD = 2;

  private GptOss() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention global =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).unrounded().scaled());
    Attention local = global.windowed(keys.window(0));
    IntPredicate slides = keys.slidingLayers(PERIOD);
    Experts experts =
        Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.CHOSEN).clamp();
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? local : global;
      x =
          layer.preNorm(
              x, layer.attention(attention), "post_attention_norm", layer.mixture(experts));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * Gemma 3 (arXiv 2503.19786): {@link Gemma2} with normalized queries and keys in place of the cap
 * on scores, a sliding window in five of six layers, and a rotation of its own in these.
 */
final class Gemma3 {
  private static final int LAYERS_OF_27B = 62;

  private Gemma3() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    RopeReader rope = model.rope(Rotation.Pairs.HALVES);
    Attention full =
        Attention.scaled(Gemma2.attentionScale(keys, model.sizes(), LAYERS_OF_27B))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(rope.scaled());
    int window = keys.window(0);
    Attention sliding =
        window == 0 ? full : full.rotated(rope.plain("rope.freq_base_swa", 10000)).windowed(window);
    IntPredicate slides = keys.slidingLayers(6);
    Buffer x = model.embed((float) Math.sqrt(model.sizes().d()));
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? sliding : full;
      x = layer.sandwiched(x, layer.attention(attention), layer.gatedFfn(ActivationKind.GELU_TANH));
    }
    float cap = keys.cap("final_logit_softcapping", 0);
    return Architecture.of(model, x, model.cappedUnembedding(cap));
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * OLMo 2 (arXiv 2501.00656) and OLMo 3 (arXiv 2512.13961): {@link Llama} with the norms behind the
 * sublayers, and normalized queries and keys. In OLMo 3 windows slide in three layers of four,
 * whose rotation is not scaled; FlexOlmo (arXiv 2507.07024) has experts.
 */
final class Olmo2 {
  private static final int LAYERS_PER_FULL = 4;

  private Olmo2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    return read(new Transformer(keys, weights, NormKind.RMS), null);
  }

  /** Reads FlexOlmo. */
  static Architecture readMixture(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    return read(model, Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.ALL));
  }

  private static Architecture read(Transformer model, @Nullable Experts experts) {
    Keys keys = model.keys();
    RopeReader rope = model.rope(Rotation.Pairs.HALVES);
    Attention full =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.ALL_HEADS)
            .rotated(rope.scaled());
    int window = keys.window(0);
    Attention sliding =
        window == 0 ? full : full.rotated(rope.plain("rope.freq_base", 10000f)).windowed(window);
    IntPredicate slides = window == 0 ? l -> false : keys.slidingLayers(LAYERS_PER_FULL);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? sliding : full;
      Sublayer ffn = experts == null ? layer.gatedFfn(ActivationKind.SILU) : layer.mixture(experts);
      x =
          layer.sequential(
              x,
              layer.ln1("post_attention_norm", layer.attention(attention)),
              layer.ln2("post_ffw_norm", ffn));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * EXAONE 4 (arXiv 2507.11407): {@link Olmo2} that normalizes each head of queries and keys on its
 * own. The large one has a sliding window in three of four layers; the others attend to all
 * positions, without knowing them.
 */
final class Exaone4 {
  private static final int LAYERS_OF_32B = 64;
  private static final int WINDOW_OF_32B = 4096;
  private static final int LAYERS_PER_FULL = 4;

  private Exaone4() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention unrotated =
        Attention.scaled(keys.attentionScale(model.sizes().dH())).normalized(QueryKeyNorm.HEAD);
    Attention rotated = unrotated.rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    // Files of the large model may leave its window out.
    int window = keys.window(model.sizes().layers() == LAYERS_OF_32B ? WINDOW_OF_32B : 0);
    Attention sliding = rotated.windowed(window);
    Attention full = window == 0 ? rotated : unrotated;
    IntPredicate slides = keys.slidingLayers(LAYERS_PER_FULL);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? sliding : full;
      x =
          layer.sequential(
              x,
              layer.ln1("post_attention_norm", layer.attention(attention)),
              layer.ln2("post_ffw_norm", layer.gatedFfn(ActivationKind.SILU)));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

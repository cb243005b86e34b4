package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.Behind;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * Laguna (poolside 2026): normalized queries and keys, of which layers have different numbers;
 * gates of softplus behind attention, for each head or each element; in some layers a sliding
 * window and a rotation of their own. Dense layers come first, then experts that sigmoids and a
 * bias choose, and a shared one.
 */
final class Laguna {
  private static final int LAYERS_PER_FULL = 4;
  private static final String WINDOW_BASE = "rope.freq_base_swa";

  private Laguna() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    Sizes sizes = Sizes.varied(keys, 0);
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    RopeReader rope = model.rope(Rotation.Pairs.HALVES);
    Attention full =
        Attention.scaled(keys.attentionScale(sizes.dH()))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(rope.scaled());
    int window = keys.window(0);
    String base = keys.has(WINDOW_BASE) ? WINDOW_BASE : "rope.freq_base";
    int turning = RopeReader.width(keys, "rope.dimension_count_swa", sizes.dH());
    Attention sliding = full.rotated(rope.plain(turning, base, 10000f)).windowed(window);
    IntPredicate slides = keys.slidingLayersBehindFirst(LAYERS_PER_FULL);
    Experts experts =
        Experts.read(keys, sizes, RouteScore.SIGMOID, RouteOver.CHOSEN)
            .scaled(keys)
            .shared(keys)
            .placed(keys, sizes);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      int l = layer.index();
      boolean ofHeads = model.rows(layer.tensor("attn_gate")) == sizes.heads(l);
      Attention attention =
          (window > 0 && slides.test(l) ? sliding : full)
              .behind(ofHeads ? Behind.SOFTPLUS_OF_HEADS : Behind.SOFTPLUS);
      x = layer.preNorm(x, layer.attention(attention), layer.mixture(experts));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

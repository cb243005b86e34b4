package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * Mellum 2 (JetBrains): {@link Qwen3Moe} with a sliding window in some layers, whose rotation is
 * not scaled and may have a base of its own.
 */
final class Mellum {
  private static final int LAYERS_PER_FULL = 4;
  private static final String WINDOW_BASE = "rope.freq_base_swa";

  private Mellum() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    RopeReader rope = model.rope(Rotation.Pairs.HALVES);
    Attention full =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(rope.scaled());
    int window = keys.window(0);
    String base = keys.has(WINDOW_BASE) ? WINDOW_BASE : "rope.freq_base";
    Attention sliding =
        window == 0 ? full : full.rotated(rope.plain(base, 10000f)).windowed(window);
    IntPredicate slides = window == 0 ? l -> false : keys.slidingLayers(LAYERS_PER_FULL);
    Experts experts = Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.CHOSEN);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? sliding : full;
      x = layer.preNorm(x, layer.attention(attention), layer.mixture(experts));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * SmallThinker (arXiv 2507.20984): experts with a gate of ReLU, whose router reads what the layer
 * reads, before its attention. Where there is a sliding window, every fourth layer from the first
 * on attends to all positions, without knowing them.
 */
final class SmallThinker {
  private static final int LAYERS_PER_FULL = 4;

  private SmallThinker() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    int window = keys.window(0);
    Attention full = Attention.scaled(keys.attentionScale(model.sizes().dH()));
    Attention sliding = full.rotated(model.rope(Rotation.Pairs.HALVES).scaled()).windowed(window);
    Experts experts =
        Experts.read(keys, model.sizes(), RouteScore.SIGMOID, RouteOver.CHOSEN)
            .gatedBy(ActivationKind.RELU);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      boolean slides = window == 0 || layer.index() % LAYERS_PER_FULL != 0;
      x = layer.preNorm(x, layer.attention(slides ? sliding : full), layer.mixture(experts, x));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.LatentAttention;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * PLM (arXiv 2503.12167): {@link LatentAttention}, and a plain feed-forward block of squared ReLU.
 */
final class Plm {
  private Plm() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, LatentAttention.sizes(keys, 0), weights, NormKind.RMS, true);
    var attention = new LatentAttention(model);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      x = layer.preNorm(x, attention.of(layer), layer.plainFfn(ActivationKind.SQUARED_RELU));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

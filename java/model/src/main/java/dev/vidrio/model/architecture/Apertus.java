package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import dev.vidrio.model.block.Xielu;

/**
 * Apertus (arXiv 2509.14233): {@link Llama} with normalized queries and keys, and a plain
 * feed-forward block of xIELU.
 */
final class Apertus {
  private Apertus() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    int layers = model.sizes().layers();
    Buffer x =
        model.preNorm(
            model.embed(),
            attention,
            layer -> layer.plainFfn(Xielu.read(keys, layer.index(), layers)));
    return Architecture.of(model, x, model.unembedding());
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.Behind;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * BitNet b1.58 (arXiv 2402.17764): {@link Llama} with norms before the projections that write to
 * the residual stream. Its weights are ternary, which files may hold in any type. Gates of the
 * first models are of SiLU, those of 2B4T (arXiv 2504.12285) of squared ReLU.
 */
final class Bitnet {
  private Bitnet() {}

  /** Reads one of the first. */
  static Architecture readFirst(Keys keys, WeightLoader weights) {
    return read(keys, weights, ActivationKind.SILU);
  }

  /** Reads 2B4T. */
  static Architecture read2b4t(Keys keys, WeightLoader weights) {
    return read(keys, weights, ActivationKind.SQUARED_RELU);
  }

  private static Architecture read(Keys keys, WeightLoader weights, ActivationKind gate) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled())
            .behind(Behind.NORM);
    Buffer x = model.preNorm(model.embed(), attention, layer -> layer.subNormalizedFfn(gate));
    return Architecture.of(model, x, model.unembedding());
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * Refact (Small Magellanic Cloud AI 2023) and the larger {@link Baichuan}: {@link Llama} with
 * attention that falls with the distance (ALiBi) in place of rotary positions.
 */
final class Refact {
  /** What files leave out. */
  private static final float MAX_BIAS = 8;

  private Refact() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .sloped(model.alibiSlopes(MAX_BIAS));
    Buffer x =
        model.preNorm(model.embed(), attention, layer -> layer.gatedFfn(ActivationKind.SILU));
    return Architecture.of(model, x, model.unembedding());
  }
}

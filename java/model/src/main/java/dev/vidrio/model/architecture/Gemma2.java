package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * Gemma 2 (arXiv 2408.00118): {@link Gemma} with norms before and after each sublayer, a sliding
 * window in every other layer, and soft caps on scores and logits.
 */
final class Gemma2 {
  private static final int LAYERS_OF_27B = 46;

  private Gemma2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    return read(keys, weights, true);
  }

  /** VaultGemma (arXiv 2510.15001), which has norms before each sublayer alone. */
  static Architecture readVault(Keys keys, WeightLoader weights) {
    return read(keys, weights, false);
  }

  private static Architecture read(Keys keys, WeightLoader weights, boolean sandwiched) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention full =
        Attention.scaled(attentionScale(keys, model.sizes(), LAYERS_OF_27B))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled())
            .capped(keys.cap("attn_logit_softcapping", 50));
    Attention sliding = full.windowed(keys.window(4096));
    IntPredicate slides = keys.slidingLayers(2);
    Buffer x = model.embed((float) Math.sqrt(model.sizes().d()));
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? sliding : full;
      Sublayer attend = layer.attention(attention);
      Sublayer ffn = layer.gatedFfn(ActivationKind.GELU_TANH);
      x = sandwiched ? layer.sandwiched(x, attend, ffn) : layer.preNorm(x, attend, ffn);
    }
    float cap = keys.cap("final_logit_softcapping", 30);
    return Architecture.of(model, x, model.cappedUnembedding(cap));
  }

  /**
   * The factor of attention scores. That of the 27B models is 1/√(d / H), and files do not say so:
   * the number of layers does.
   */
  static float attentionScale(Keys keys, Sizes sizes, int layersOf27b) {
    boolean by27b = sizes.layers() == layersOf27b;
    return keys.attentionScale(by27b ? sizes.d() / sizes.heads() : sizes.dH());
  }
}

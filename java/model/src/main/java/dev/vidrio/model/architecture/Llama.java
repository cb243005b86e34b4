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
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Llama (Touvron et al. 2023, arXiv 2302.13971; grouped-query attention: arXiv 2307.09288) and
 * Mistral (arXiv 2310.06825), which has a sliding window: pre-norm blocks with RMSNorm, rotary
 * positions and SwiGLU. Mixtral (arXiv 2401.04088) has experts in place of one such block. Files
 * hold query and key weights in the order that makes rotary pairs adjacent, and Llama 3's scaling
 * as a tensor of divisors. CWM (Meta 2025) has the window in some layers.
 */
final class Llama {
  private Llama() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention full =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
    Attention sliding = full.windowed(keys.window(0));
    IntPredicate slides = keys.layers("attention.sliding_window_pattern");
    @Nullable Experts experts =
        Experts.has(keys)
            ? Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.CHOSEN)
            : null;
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? sliding : full;
      Sublayer ffn = experts == null ? layer.gatedFfn(ActivationKind.SILU) : layer.mixture(experts);
      x = layer.preNorm(x, layer.attention(attention), ffn);
    }
    return Architecture.of(model, x, model.unembedding());
  }
}

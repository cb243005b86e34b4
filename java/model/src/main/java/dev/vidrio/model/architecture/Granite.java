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
import dev.vidrio.model.block.Mamba2;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Granite 3, and MiniCPM (arXiv 2404.06395): {@link Llama} with constants that scale the
 * embeddings, the attention scores, what sublayers add to the residual stream, and the logits
 * (after arXiv 2203.03466). Granite MoE has experts, and may have a shared one; Granite 4 has
 * {@link Mamba2} in most layers.
 */
final class Granite {
  private static final float MIN = 1e-6f;
  private static final float MAX = 1e6f;

  private Granite() {}

  /** MiniCPM, of whose files those that leave constants out mean others than 1. */
  static Architecture miniCpm(Keys keys, WeightLoader weights) {
    for (String key : List.of("embedding_scale", "residual_scale", "logit_scale")) {
      if (!keys.has(key)) {
        throw keys.unsupported("a file without " + keys.full(key));
      }
    }
    return read(keys, weights);
  }

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention = turning(model);
    return read(model, null, l -> attention, false);
  }

  /** Reads one that may have experts. */
  static Architecture readMixture(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention = turning(model);
    return read(model, null, l -> attention, Experts.has(keys));
  }

  /**
   * Reads one with Mamba 2 in the layers without key-value heads, whose attention turns where the
   * file does not say otherwise, and that may have experts.
   */
  static Architecture readHybrid(Keys keys, WeightLoader weights) {
    var net = Mamba2.read(keys);
    Sizes sizes = Sizes.hybrid(keys, net.sizes());
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    Attention attention = keys.flag("rope.scaling.finetuned", true) ? turning(model) : still(model);
    return read(model, net, l -> attention, Experts.has(keys));
  }

  /**
   * Reads one whose attention has sinks, in some layers a sliding window, and in some no rotation,
   * and that may have experts.
   */
  static Architecture readSliding(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention turning = turning(model);
    int window = keys.intValue("attention.sliding_window", 1, Integer.MAX_VALUE);
    IntPredicate slides = keys.layers("attention.sliding_window_pattern");
    IntPredicate turns = keys.layers("attention.rope_pattern");
    return read(
        model,
        null,
        l -> {
          Attention attention = turns.test(l) ? turning : still(model);
          return slides.test(l) ? attention.windowed(window) : attention;
        },
        Experts.has(keys));
  }

  private static Attention still(Transformer model) {
    return Attention.scaled(model.keys().attentionScale(model.sizes().dH()));
  }

  private static Attention turning(Transformer model) {
    return still(model).rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
  }

  /**
   * Reads one.
   *
   * @param net in the layers without keys and values, if there are such layers
   */
  private static Architecture read(
      Transformer model,
      @Nullable Mamba2 net,
      IntFunction<Attention> attention,
      boolean isMixture) {
    Keys keys = model.keys();
    Sublayer scale = model.scale(keys.floatValue("residual_scale", MIN, MAX, 1));
    if (!isMixture) { // files of Granite 4 call its dense blocks shared experts
      keys.passOver("expert_shared_feed_forward_length");
    }
    @Nullable Experts experts =
        isMixture
            ? Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.CHOSEN).shared(keys)
            : null;
    Buffer x = model.embed(keys.floatValue("embedding_scale", MIN, MAX, 1));
    for (Layer layer : model.layers()) {
      Sublayer block =
          experts == null ? layer.gatedFfn(ActivationKind.SILU) : layer.mixture(experts);
      Sublayer ffn = block.then("unscaled", scale);
      if (net == null || model.sizes().kvShape().hasKeys(layer.index())) {
        Sublayer attend = layer.attention(attention.apply(layer.index()));
        x = layer.preNorm(x, attend.then("unscaled", scale), ffn);
      } else {
        Sublayer recur = net.of(model, layer);
        x = layer.preNormRecurrent(x, recur.then("unscaled", scale), "ffn_norm", ffn);
      }
    }
    Sublayer divide = model.scale(1 / keys.floatValue("logit_scale", MIN, MAX));
    return Architecture.of(model, x, model.unembedding().then("unscaled", divide));
  }
}

package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Phi 3 (arXiv 2404.14219) and the small Phi 4: {@link Llama} whose queries, keys and values are
 * one projection, and gate and up another, both split here. Those made for long contexts divide the
 * frequencies of their rotation, by other factors in long texts (arXiv 2402.13753). Phi 3.5 MoE has
 * LayerNorm, biases, and experts whose weights are those of a sparse mixer (arXiv 2409.12136).
 */
final class Phi3 {
  private Phi3() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    return read(keys, model, layer -> layer.gatedFfn(ActivationKind.SILU));
  }

  static Architecture readMixture(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.LAYER);
    Experts read = Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.CHOSEN);
    if (read.routing().score() != RouteScore.SOFTMAX || read.routing().over() != RouteOver.CHOSEN) {
      throw keys.unsupported("a mixture whose weights are not those of a sparse mixer");
    }
    Experts experts = read.near();
    return read(keys, model, layer -> layer.mixture(experts));
  }

  private static Architecture read(Keys keys, Transformer model, Function<Layer, Sublayer> ffn) {
    WeightLoader weights = model.weights();
    RopeReader rope = model.rope(Rotation.Pairs.HALVES);
    Rotation rotation = rope.scaled(divisors(weights, "short", rope));
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(rotation)
            .windowed(keys.window(0));
    Buffer x = model.preNorm(model.embed(), attention, ffn);
    Rotation longer = rope.scaled(divisors(weights, "long", rope));
    return Architecture.of(model, x, model.unembedding())
        .withLongContext(rope.originalContext(), rotation, longer);
  }

  /** Those of frequencies in short or long texts, or null. */
  static @Nullable Weights divisors(WeightLoader weights, String which, RopeReader rope) {
    boolean scaled =
        weights.has("rope_factors_short.weight") || weights.has("rope_factors_long.weight");
    return scaled ? weights.vector("rope_factors_" + which + ".weight", rope.width() / 2) : null;
  }
}

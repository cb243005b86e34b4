package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.architecture.decoder.Plans;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Phi 3 and Phi 3.5 MoE, whose RoPE frequencies have other divisors in long contexts (LongRoPE,
 * arXiv 2402.13753).
 */
final class Phi {
  private Phi() {}

  static Architecture readDense(Hyperparameters params, WeightLoader weights) {
    var model = new Transformer(params, weights, NormKind.RMS);
    return read(model, layer -> layer.gatedFfn(ActivationKind.SILU));
  }

  /** Reads Phi 3.5 MoE: LayerNorm, and expert weights of a sparse mixer (arXiv 2409.12136). */
  static Architecture readMixture(Hyperparameters params, WeightLoader weights) {
    var model = new Transformer(params, weights, NormKind.LAYER);
    Experts read = Experts.read(params, model.dimensions(), RouteScore.SOFTMAX, RouteOver.CHOSEN);
    if (read.routing().score() != RouteScore.SOFTMAX || read.routing().over() != RouteOver.CHOSEN) {
      throw params.unsupported("a mixture whose weights are not those of a sparse mixer");
    }
    Experts experts = read.sparseMixer();
    return read(model, layer -> layer.mixture(experts));
  }

  private static Architecture read(Transformer model, Function<Layer, Sublayer> ffn) {
    Hyperparameters params = model.params();
    RopeReader rope = model.rope(HALVES);
    Rotation rotation = rope.scaled(divisors(model.weights(), "short", rope));
    Attention attention =
        Attention.noPe(params.attentionScale(model.dimensions().dH()))
            .withRope(rotation)
            .withWindow(params.window(0));
    Buffer x = model.preNorm(model.embed(), attention, ffn);
    Rotation longer = rope.scaled(divisors(model.weights(), "long", rope));
    return Plans.withLongContext(
        Plans.finish(model, x, model.unembedding()), rope.originalContext(), rotation, longer);
  }

  /**
   * Returns the divisors of frequencies, or null if the file has none.
   *
   * @param which {@code short} or {@code long}
   */
  static @Nullable Weights divisors(WeightLoader weights, String which, RopeReader rope) {
    boolean scaled =
        weights.has("rope_factors_short.weight") || weights.has("rope_factors_long.weight");
    return scaled ? weights.vector("rope_factors_" + which + ".weight", rope.width() / 2) : null;
  }

  /** Adds the key of the window, 0 for none. */
  static void window(Config config, MetadataBuilder out) {
    out.integer("attention.sliding_window", config.size("sliding_window", 0));
  }
}

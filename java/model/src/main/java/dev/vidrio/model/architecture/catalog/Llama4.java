package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.ALL;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SIGMOID;
import static dev.vidrio.kernel.op.Rotation.Pairs.INTERLEAVED;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;

import dev.vidrio.kernel.op.Rotation.Temperature;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.LayerRule;
import dev.vidrio.model.architecture.decoder.MixtureSpec;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.huggingface.mapping.Llama4Mapping;

/**
 * Llama 4 (Meta AI 2025): three layers of four have RoPE and attend within chunks of 8192
 * positions; each fourth attends to all positions, without positional encoding, by queries that
 * grow with the position. A token goes to one expert and to a shared one; the weight of the former
 * scales its input. Files without a window (MobileLLM) have no layers of the second kind.
 */
final class Llama4 {
  private static final int LAYERS_PER_FULL = 4;
  private static final int CHUNK = 8192;
  private static final float GROWTH = 0.1f;
  private static final float MAX_GROWTH = 1e3f;

  private Llama4() {}

  static DecoderSpec spec() {
    LayerRule full =
        params -> {
          boolean chunked = params.window(CHUNK) > 0;
          return l -> chunked && (l + 1) % LAYERS_PER_FULL == 0;
        };
    return DecoderSpec.of(
            rope(INTERLEAVED)
                .change(
                    (model, a) ->
                        a.withQueryKeyNorm(queryKeyNorm(model))
                            .withWindow(Window.aligned(model.params().window(CHUNK))))
                .in(
                    full,
                    (model, a) ->
                        a.withoutRope()
                            .withQueryKeyNorm(QueryKeyNorm.NONE)
                            .withWindow(Window.ALL)
                            .withTemperature(temperature(model.params()))))
        .feedForward(MixtureSpec.reading(Llama4::experts).orDense());
  }

  /** Returns the norm of queries and keys, which only Maverick, with 128 experts, lacks. */
  private static QueryKeyNorm queryKeyNorm(Transformer model) {
    boolean isMaverick =
        Experts.has(model.params())
            && experts(model).routing().count() == Llama4Mapping.EXPERTS_WITHOUT_NORM;
    return isMaverick ? QueryKeyNorm.NONE : QueryKeyNorm.PER_HEAD_AFTER_ROPE_NO_GAIN;
  }

  private static Experts experts(Transformer model) {
    Hyperparameters params = model.params();
    Experts experts = Experts.read(params, model.dimensions(), SIGMOID, ALL);
    if (experts.routing().used() != 1 || experts.routing().score() != SIGMOID) {
      throw params.unsupported("a mixture of other than one expert that a sigmoid weighs");
    }
    return experts.sharing(experts.width()).inLayers(params, model.dimensions()).weighingInputs();
  }

  private static Temperature temperature(Hyperparameters params) {
    double scale = params.floatValue("attention.temperature_scale", 0, MAX_GROWTH, GROWTH);
    int length = params.intValue("attention.temperature_length", 1, Integer.MAX_VALUE, CHUNK);
    return new Temperature(scale, length, 1);
  }
}

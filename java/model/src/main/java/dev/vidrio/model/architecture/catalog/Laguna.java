package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SIGMOID;
import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.tensor;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.MixerSpec;
import dev.vidrio.model.architecture.decoder.MixtureSpec;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.OutputTransform;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.mapping.CommonKeys;
import dev.vidrio.model.huggingface.mapping.ExpertNames;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.Rope;
import dev.vidrio.model.huggingface.mapping.SlidingWindow;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;

/**
 * Laguna (poolside 2026): layers differ in query heads; softplus gates per head or per element; in
 * some layers a sliding window and a RoPE of their own.
 */
final class Laguna {
  private static final int LAYERS_PER_FULL = 4;

  private Laguna() {}

  static DecoderSpec spec() {
    return DecoderSpec.of(gated(attention()))
        .dimensions(ModelDimensions::heterogeneous)
        .feedForward(MixtureSpec.of(SIGMOID, CHOSEN).scaled().shared().inListedLayers());
  }

  private static AttentionSpec attention() {
    return rope(HALVES)
        .queryKeyNorm(QueryKeyNorm.PER_HEAD)
        .in(
            params -> {
              boolean windowed = params.window(0) > 0;
              IntPredicate slides = params.slidingLayersAfterFirst(LAYERS_PER_FULL);
              return l -> windowed && slides.test(l);
            },
            (model, a) -> {
              int rotated =
                  RopeReader.width(
                      model.params(), "rope.dimension_count_swa", model.dimensions().dH());
              return a.withRope(model.rope(HALVES).unscaledInWindows(rotated))
                  .withWindow(model.params().window(0));
            });
  }

  /** Adds gates per head if the gate's matrix has a row per head, otherwise per element. */
  private static MixerSpec gated(AttentionSpec attention) {
    return model -> {
      IntFunction<Attention> layers = attention.layers(model);
      return layer -> {
        int l = layer.index();
        boolean perHead = model.rows(layer.tensor("attn_gate")) == model.dimensions().heads(l);
        return layer.attention(
            layers
                .apply(l)
                .withOutput(
                    perHead
                        ? OutputTransform.SOFTPLUS_GATE_PER_HEAD
                        : OutputTransform.SOFTPLUS_GATE));
      };
    };
  }

  static MappingSpec mapping() {
    return MappingSpec.of(
            LlamaNames::normalizedAttention,
            tensor("self_attn.g_proj.weight", "attn_gate.weight"),
            LayerTensors.all(
                    ExpertNames::routed,
                    tensor("mlp.experts.e_score_correction_bias", "exp_probs_b.bias"),
                    ExpertNames.shared("shared_expert"))
                .afterDense(config -> ExpertNames.dense(config, 1)))
        .off("moe_apply_router_weight_on_input")
        .check(config -> config.requireNumber("moe_router_logit_softcapping", 0))
        .check(config -> ropeOf(config, "full_attention").real("rope_theta"))
        .rope(config -> Rope.of(config, 1))
        .keys(
            Laguna::heads,
            Laguna::windows,
            ExpertNames::counts,
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedWidth("shared_expert_intermediate_size"),
            ExpertNames.leadingDense(config -> ExpertNames.dense(config, 1)),
            ExpertNames.SIGMOID,
            ExpertNames.scale("moe_routed_scaling_factor", 1),
            ExpertNames.NORMALIZED);
  }

  private static Config ropeOf(Config config, String layers) {
    return config.object("rope_parameters").object(layers);
  }

  private static void heads(Config config, MetadataBuilder out) {
    String key = "num_attention_heads_per_layer";
    if (config.has(key)) {
      out.integers("attention.head_count", config.integers(key));
    }
  }

  private static void windows(Config config, MetadataBuilder out) {
    String window = "sliding_window";
    if (config.has(window) && config.integer(window, 0, Config.MAX_SIZE) > 0) {
      Config local = ropeOf(config, "sliding_attention");
      local.requireOneOf("rope_type", "default");
      int dH = CommonKeys.headWidth(config);
      SlidingWindow.putTypes(config, out);
      out.real("rope.freq_base_swa", local.real("rope_theta"))
          .integer("rope.dimension_count_swa", (int) (dH * local.real("partial_rotary_factor", 1)));
    }
  }
}

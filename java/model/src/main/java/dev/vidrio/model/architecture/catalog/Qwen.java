package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.ALL;
import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SOFTMAX;
import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.SequenceOp.Grouping;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.LayerRule;
import dev.vidrio.model.architecture.decoder.MixtureSpec;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.mapping.ExpertNames;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.QwenNextMapping;
import dev.vidrio.model.huggingface.mapping.QwenVlMapping;
import dev.vidrio.model.huggingface.mapping.Rope;
import dev.vidrio.model.huggingface.mapping.SlidingWindow;
import java.util.List;

/** Qwen, dense and with experts, and its kin. */
final class Qwen {
  private static final int LAYERS_PER_FULL = 4;

  private static final AttentionSpec NORMALIZED = rope(HALVES).queryKeyNorm(QueryKeyNorm.PER_HEAD);

  private static final DecoderSpec QWEN2 = DecoderSpec.of(rope(HALVES));
  private static final DecoderSpec QWEN3 = DecoderSpec.of(NORMALIZED);

  private static final DecoderSpec QWEN3_MOE = QWEN3.feedForward(MixtureSpec.of(SOFTMAX, CHOSEN));

  private static final MappingSpec QWEN2_MAPPING =
      Llama.PLAIN.off("use_sliding_window").rope(config -> Rope.of(config).ofText());

  private static final MappingSpec QWEN3_MAPPING =
      QWEN2_MAPPING.layer(LlamaNames::normalizedAttention, LlamaNames::gatedFfn);

  private static final MappingSpec QWEN3_MOE_MAPPING =
      QWEN2_MAPPING
          .layer(LlamaNames::normalizedAttention, ExpertNames::routed)
          .check(ExpertNames::requireEverywhere)
          .keys(ExpertNames::counts, ExpertNames.MOE_WIDTH, ExpertNames.normalized(false));

  static final List<ArchitectureEntry> ENTRIES =
      List.of(
          // The first Qwen (arXiv 2309.16609): fused projections; files have the width of gate and
          // up together. Its dynamic base and growing queries beyond the training context are in no
          // file.
          ArchitectureEntry.of("qwen", "Alibaba", QWEN2.dimensions(Qwen::fusedWidth))
              .models("the first"),
          // Qwen 2 and 2.5 (arXiv 2407.10671, 2412.15115): biases on queries, keys and values.
          ArchitectureEntry.of("qwen2", "Alibaba", QWEN2)
              .directory(QWEN2_MAPPING, "Qwen2ForCausalLM"),
          ArchitectureEntry.of("qwen2vl", "Alibaba", QWEN2.textOnly())
              .models("Qwen2-VL, Qwen2.5-VL")
              .directory(
                  QwenVlMapping.withoutDeepstack(QWEN2_MAPPING),
                  "Qwen2VLForConditionalGeneration",
                  "Qwen2_5_VLForConditionalGeneration"),
          // Qwen 1.5 and 2 with experts (arXiv 2407.10671), and a gated shared expert.
          ArchitectureEntry.of(
                  "qwen2moe", "Alibaba", QWEN2.feedForward(MixtureSpec.of(SOFTMAX, ALL).shared()))
              .directory(qwen2Moe(), "Qwen2MoeForCausalLM"),
          // Qwen 3 (arXiv 2505.09388): normalized queries and keys.
          ArchitectureEntry.of("qwen3", "Alibaba", QWEN3)
              .directory(QWEN3_MAPPING, "Qwen3ForCausalLM"),
          ArchitectureEntry.of("qwen3vl", "Alibaba", QWEN3.textOnly())
              .directory(
                  QwenVlMapping.withDeepstack(QWEN3_MAPPING), "Qwen3VLForConditionalGeneration"),
          ArchitectureEntry.of("qwen3moe", "Alibaba", QWEN3_MOE)
              .directory(QWEN3_MOE_MAPPING, "Qwen3MoeForCausalLM"),
          ArchitectureEntry.of("qwen3vlmoe", "Alibaba", QWEN3_MOE.textOnly())
              .directory(
                  QwenVlMapping.withDeepstack(
                      QWEN3_MOE_MAPPING.layer(
                          LlamaNames::normalizedAttention,
                          LayerTensors.tensor("mlp.gate.weight", "ffn_gate_inp.weight"),
                          ExpertNames.transposed(
                              "mlp.experts.gate_up_proj", "mlp.experts.down_proj"))),
                  "Qwen3VLMoeForConditionalGeneration"),
          // Qwen3-Next and Qwen3.5: gated attention in each fourth layer, Gated DeltaNet in the
          // others.
          ArchitectureEntry.of("qwen3next", "Alibaba", QwenNext.mixture(Grouping.ADJACENT))
              .models("Qwen3-Next")
              .traits(Trait.GATED_DELTA_RULE, Trait.ATTENTION_GATE)
              .directory(QwenNextMapping.NEXT, "Qwen3NextForCausalLM"),
          ArchitectureEntry.of("qwen35", "Alibaba", QwenNext.dense().textOnly())
              .models("Qwen3.5")
              .traits(Trait.GATED_DELTA_RULE, Trait.ATTENTION_GATE)
              .directory(QwenNextMapping.DENSE, "Qwen3_5ForCausalLM")
              .textOf(QwenNextMapping.DENSE, "Qwen3_5ForConditionalGeneration"),
          ArchitectureEntry.of("qwen35moe", "Alibaba", QwenNext.mixture(Grouping.TILED).textOnly())
              .models("Qwen3.5")
              .traits(Trait.GATED_DELTA_RULE, Trait.ATTENTION_GATE)
              .directory(QwenNextMapping.MIXTURE, "Qwen3_5MoeForCausalLM")
              .textOf(QwenNextMapping.MIXTURE, "Qwen3_5MoeForConditionalGeneration"),
          // Mellum 2 (JetBrains): Qwen 3 with experts, and a window in some layers. Their RoPE is
          // unscaled and may have a base of its own.
          ArchitectureEntry.of("mellum", "others", mellum())
              .models("Mellum 2")
              .directory(mellumMapping(), "MellumForCausalLM"));

  private Qwen() {}

  private static ModelDimensions fusedWidth(Hyperparameters params, int drafts) {
    String key = ModelDimensions.FFN_WIDTH;
    int both = params.uniform(key, 2, 2 * ModelDimensions.MAX_WIDTH);
    if (both % 2 != 0) {
      throw params.error(key, Integer.toString(both), "must be even");
    }
    int layers = ModelDimensions.layers(params, drafts);
    int dH = ModelDimensions.headWidth(params, "attention.key_length", "attention.value_length");
    int kvHeads = ModelDimensions.kvHeads(params, ModelDimensions.heads(params));
    return ModelDimensions.read(params, layers, dH, both / 2, new KvShape(layers, kvHeads, dH));
  }

  private static MappingSpec qwen2Moe() {
    return QWEN3_MOE_MAPPING
        .layer(
            LlamaNames::norms,
            LlamaNames::attention,
            ExpertNames::routed,
            ExpertNames.shared("shared_expert"),
            LayerTensors.tensor("mlp.shared_expert_gate.weight", "ffn_gate_inp_shexp.weight"))
        .keys(ExpertNames.sharedWidth("shared_expert_intermediate_size"));
  }

  private static DecoderSpec mellum() {
    return DecoderSpec.of(
            NORMALIZED.in(
                LayerRule.sliding(LAYERS_PER_FULL).when(params -> params.window(0) > 0),
                (model, a) ->
                    a.withRope(model.rope(HALVES).unscaledInWindows())
                        .withWindow(model.params().window(0))))
        .feedForward(MixtureSpec.of(SOFTMAX, CHOSEN));
  }

  private static MappingSpec mellumMapping() {
    return MappingSpec.of(LlamaNames::normalizedAttention, ExpertNames::routed)
        .check(Qwen::checkMellum)
        .keys(
            (config, out) -> {
              if (config.has("layer_types")
                  && config.strings("layer_types").contains("sliding_attention")) {
                SlidingWindow.put(config, out, 1);
              }
            })
        .keys(ExpertNames::counts, ExpertNames.MOE_WIDTH, ExpertNames.normalized(true))
        .ignoring("mtp.");
  }

  private static void checkMellum(Config config) {
    if (config.has("mlp_layer_types") && config.strings("mlp_layer_types").contains("dense")) {
      throw config.unsupported("mlp_layer_types", "dense", "all layers must have experts");
    }
    // The default bases of transformers differ from layer to layer.
    Config rope = config.object("rope_parameters");
    rope.object("full_attention").real("rope_theta");
    rope.object("sliding_attention").real("rope_theta");
    rope.object("sliding_attention").requireOneOf("rope_type", "default");
  }
}

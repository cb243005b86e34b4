package dev.vidrio.model.huggingface.mapping;

import static dev.vidrio.model.huggingface.mapping.LayerTensors.linear;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.tensor;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.stream.IntStream;

/**
 * LFM2 and LFM3: attention in some layers, short convolutions in the others; LFM2 is dense or has
 * experts.
 */
public final class LfmMapping {
  private static final String TYPES = "layer_types";
  private static final String FULL = "full_attention";
  private static final String SLIDING = "sliding_attention";
  private static final String CONV = "conv";
  private static final int MAX_LENGTH = 64;

  private static final LayerTensors LFM2_ATTENTION =
      LayerTensors.all(
          LlamaNames.projections("self_attn.", "out_proj"),
          tensor("self_attn.q_layernorm.weight", "attn_q_norm.weight"),
          tensor("self_attn.k_layernorm.weight", "attn_k_norm.weight"));

  private static final LayerTensors FFN =
      LayerTensors.all(
          linear("feed_forward.w1", "ffn_gate"),
          linear("feed_forward.w2", "ffn_down"),
          linear("feed_forward.w3", "ffn_up"));

  /** LFM2 without experts. */
  public static final MappingSpec LFM2 =
      lfm2(FFN).dimensions(CommonKeys.dimensions(LfmMapping::adjustedWidth));

  /** LFM2 with experts. */
  public static final MappingSpec LFM2_MOE =
      lfm2(FFN.or((config, l) -> l < dense(config), LfmMapping::experts))
          .dimensions(CommonKeys.dimensions(LfmMapping::width))
          .keys(
              (config, out) -> ExpertNames.counts(config, out, true),
              ExpertNames.MOE_WIDTH,
              ExpertNames.leadingDense(LfmMapping::dense),
              ExpertNames.SIGMOID,
              ExpertNames.scale("routed_scaling_factor", 1),
              ExpertNames.normalized(true));

  /** LFM3: norms after the sublayers, gates, and a window in some layers. */
  public static final MappingSpec LFM3 =
      common(
              (config, l) -> !config.perLayer(TYPES, CONV, SLIDING, FULL).get(l).equals(CONV),
              LayerTensors.all(LlamaNames::attention, LlamaNames::queryKeyNorms, LfmMapping::gate),
              FFN)
          .and(
              linear("post_operator_norm", "post_attention_norm"),
              linear("post_ffn_norm", "post_ffw_norm"))
          .off("attention_bias")
          .on("use_sandwich_norm", "use_attention_gate")
          .noRope()
          .keys(LfmMapping::windows, LfmMapping::rope)
          .tensors(
              (config, model) -> {
                Config full = rope(config, FULL);
                int dH = CommonKeys.headWidth(config);
                model.addVector("rope_freqs.weight", Rope.partialDivisors(full, dH, 1));
              });

  private LfmMapping() {}

  private static MappingSpec common(
      BiPredicate<Config, Integer> attends, LayerTensors attention, LayerTensors ffn) {
    return MappingSpec.of(
            linear("operator_norm", "attn_norm"),
            linear("ffn_norm", "ffn_norm"),
            attention.or(attends, LfmMapping::convolution),
            ffn)
        .attributes(
            Map.of(
                "rms_norm_eps", List.of("norm_eps"),
                "tie_word_embeddings", List.of("tie_embedding")))
        .activation(config -> {})
        .off("conv_bias")
        .rmsEpsilon(1e-5)
        .keys(
            (config, out) -> CommonKeys.kvHeads(config, out, l -> attends.test(config, l)),
            (config, out) ->
                out.integer("shortconv.l_cache", config.integer("conv_L_cache", 1, MAX_LENGTH)))
        .modules("embed_tokens", "embedding_norm", "layers.")
        .finalNorm("token_embd_norm")
        .tied(true);
  }

  private static MappingSpec lfm2(LayerTensors ffn) {
    return common(LfmMapping::attends, LFM2_ATTENTION, ffn);
  }

  private static void convolution(Config config, TensorMap layer, int index) {
    Layout kernels = Layout.kernels(config.size("hidden_size"));
    layer.take("conv.conv.weight", "shortconv.conv.weight", kernels);
    layer.take("conv.in_proj.weight", "shortconv.in_proj.weight");
    layer.take("conv.out_proj.weight", "shortconv.out_proj.weight");
  }

  private static boolean attends(Config config, int layer) {
    return config.has(TYPES)
        ? config.perLayer(TYPES, CONV, FULL).get(layer).equals(FULL)
        : IntStream.of(config.integers("full_attn_idxs")).anyMatch(l -> l == layer);
  }

  private static int dense(Config config) {
    return ExpertNames.requiredDense(config, "num_dense_layers");
  }

  private static int width(Config config) {
    return config.size(config.firstOf("block_ff_dim", "intermediate_size"));
  }

  /**
   * Returns the width of dense blocks; in some configurations, two thirds of the given width are
   * rounded up to a multiple.
   */
  private static int adjustedWidth(Config config) {
    int width = width(config);
    if (!config.bool("block_auto_adjust_ff_dim", true)) {
      return width;
    }
    long adjusted = 2L * width / 3;
    int multiple = config.size("block_multiple_of", 256);
    adjusted = (long) (config.real("block_ffn_dim_multiplier", 1) * adjusted);
    return Math.toIntExact(Math.ceilDiv(adjusted, multiple) * multiple);
  }

  private static void experts(Config config, TensorMap layer, int index) {
    String from = "feed_forward.";
    layer.take(from + "gate.weight", "ffn_gate_inp.weight");
    if (config.bool("use_expert_bias", true)) {
      layer.take(from + "expert_bias", "exp_probs_b.bias");
    }
    ExpertNames.experts(layer, from + "experts.", config.size("num_experts"), "w1", "w3", "w2");
  }

  private static void windows(Config config, MetadataBuilder out) {
    int dH = CommonKeys.headWidth(config);
    List<String> types = config.strings(TYPES);
    out.integer("attention.key_length", dH)
        .integer("attention.value_length", dH)
        .integer("attention.sliding_window", config.size("sliding_window", 256))
        .bools("attention.sliding_window_pattern", types.stream().map(SLIDING::equals).toList());
  }

  private static void rope(Config config, MetadataBuilder out) {
    Config full = rope(config, FULL);
    full.requireOneOf("rope_type", "proportional", "default");
    full.require("factor", value -> value.asDouble(0) == 1, "must be 1");
    Config sliding = rope(config, SLIDING);
    sliding.requireOneOf("rope_type", "default");
    sliding.require("partial_rotary_factor", value -> value.asDouble(0) == 1, "must be 1");
    out.integer("rope.dimension_count", CommonKeys.headWidth(config))
        .real("rope.freq_base", full.real("rope_theta"))
        .real("rope.freq_base_swa", sliding.real("rope_theta"));
  }

  private static Config rope(Config config, String type) {
    return config.object("rope_parameters").object(type);
  }

  /** Takes the gate; checkpoints use one of two names. */
  private static void gate(Config config, TensorMap layer, int index) {
    String name = "self_attn.gate_proj.weight";
    layer.take(layer.has(name) ? name : "self_attn.g_proj.weight", "attn_gate.weight");
  }
}

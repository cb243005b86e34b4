package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * MiMo V2 Flash. Released configurations have numbers for kinds of layers, and windows without the
 * token itself; those of transformers have names. Draft blocks are ignored.
 */
public final class MiMo2Mapping {
  private static final String WINDOWS = "hybrid_layer_pattern";
  private static final String MIXTURES = "moe_layer_freq";
  private static final String OTHERS = "sliding_window_size";
  private static final String WINDOW_HEADS = "swa_num_key_value_heads";

  /** The mapping. */
  public static final MappingSpec SPEC =
      MappingSpec.of(
              LlamaNames::norms,
              LlamaNames::attention,
              LayerTensors.tensor("self_attn.attention_sink_bias", "attn_sinks.weight")
                  .when((config, l) -> slides(config).get(l)),
              LayerTensors.all(
                      ExpertNames::routed,
                      LayerTensors.tensor("mlp.gate.e_score_correction_bias", "exp_probs_b.bias"))
                  .afterDense(MiMo2Mapping::dense))
          .attributes(Map.of("rms_norm_eps", List.of("layernorm_epsilon")))
          .check(config -> config.requireOneOf("scoring_func", "sigmoid"))
          .check(config -> config.requireOneOf("topk_method", "noaux_tc"))
          .on("norm_topk_prob", "add_swa_attention_sink_bias")
          .off("add_full_attention_sink_bias")
          .check(config -> requireSame(config, "swa_head_dim", "head_dim"))
          .check(config -> requireSame(config, "swa_v_head_dim", "v_head_dim"))
          .check(config -> requireSame(config, "swa_num_attention_heads", "num_attention_heads"))
          .rmsEpsilon(1e-5)
          .partialRope(0.334)
          .keys(
              CommonKeys.size("v_head_dim", "attention.value_length"),
              CommonKeys.optionalReal("swa_rope_theta", "rope.freq_base_swa"),
              MiMo2Mapping::windows,
              CommonKeys.optionalReal("attention_value_scale", "attention.value_scale"),
              ExpertNames::counts,
              ExpertNames.MOE_WIDTH,
              ExpertNames.SIGMOID,
              ExpertNames.scale("routed_scaling_factor", 1))
          .ignoring("model.mtp.");

  private MiMo2Mapping() {}

  private static void requireSame(Config config, String key, String other) {
    int size = config.size(other);
    config.require(key, value -> value.asInt(0) == size, "must be " + other + " " + size);
  }

  private static void windows(Config config, MetadataBuilder out) {
    List<Boolean> slides = slides(config);
    int heads = config.size("num_key_value_heads");
    int windowHeads = config.size(WINDOW_HEADS, 2 * heads);
    int window = config.has(OTHERS) ? config.size(OTHERS) + 1 : config.size("sliding_window");
    out.integer("attention.sliding_window", window)
        .integers(
            "attention.sliding_window_pattern",
            slides.stream().mapToInt(sliding -> sliding ? 1 : 0).toArray())
        .integers(
            "attention.head_count_kv",
            slides.stream().mapToInt(sliding -> sliding ? windowHeads : heads).toArray());
  }

  private static List<Boolean> slides(Config config) {
    return config.has(WINDOWS) ? flags(config, WINDOWS) : SlidingWindow.layers(config, 6);
  }

  private static List<Boolean> flags(Config config, String key) {
    int layers = config.size("num_hidden_layers");
    List<Boolean> flags =
        Arrays.stream(config.integers(key)).mapToObj(value -> value != 0).toList();
    if (flags.size() != layers) {
      throw config.error(key, flags.size() + " numbers", "must be " + layers);
    }
    return flags;
  }

  /** Returns the number of dense layers, which must come first. */
  private static int dense(Config config) {
    if (!config.has(MIXTURES)) {
      return ExpertNames.dense(config, 1);
    }
    List<Boolean> mixtures = flags(config, MIXTURES);
    int dense = Math.max(0, mixtures.indexOf(true));
    if (mixtures.subList(dense, mixtures.size()).contains(false)) {
      throw config.unsupported(MIXTURES, mixtures.toString(), "dense layers come first");
    }
    return dense;
  }
}

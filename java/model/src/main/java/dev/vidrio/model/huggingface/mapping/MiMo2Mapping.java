package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.ArrayList;
import java.util.List;

/**
 * MiMo V2 Flash. Released configurations have numbers for kinds of layers, and windows without the
 * token itself; those of transformers have names. Draft blocks are ignored.
 */
public final class MiMo2Mapping implements Mapping {
  private static final String WINDOWS = "hybrid_layer_pattern";
  private static final String MIXTURES = "moe_layer_freq";
  private static final String OTHERS = "sliding_window_size";
  private static final String WINDOW_HEADS = "swa_num_key_value_heads";
  private static final double SHARE_THAT_TURNS = 0.334;

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("scoring_func", "sigmoid");
    config.requireOneOf("topk_method", "noaux_tc");
    config.require("norm_topk_prob", value -> value.asBoolean(false), "must be true");
    config.require("add_swa_attention_sink_bias", value -> value.asBoolean(false), "must be true");
    config.requireOff("add_full_attention_sink_bias");
    requireSame(config, "swa_head_dim", "head_dim");
    requireSame(config, "swa_v_head_dim", "v_head_dim");
    requireSame(config, "swa_num_attention_heads", "num_attention_heads");
    CommonKeys.dimensions(config, out);
    out.integer("attention.value_length", config.size("v_head_dim"));
    CommonKeys.rmsEpsilon(config, out, config.real("layernorm_epsilon", 1e-5));
    rope(config, out);
    windows(config, out);
    if (config.has("attention_value_scale")) {
      out.real("attention.value_scale", config.real("attention_value_scale"));
    }
    ExpertNames.counts(config, out);
    out.integer("expert_feed_forward_length", config.size("moe_intermediate_size"))
        .integer("expert_gating_func", 2)
        .real("expert_weights_scale", config.real("routed_scaling_factor", 1));
  }

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
    List<Boolean> flags = new ArrayList<>();
    for (int value : config.integers(key)) {
      flags.add(value != 0);
    }
    if (flags.size() != layers) {
      throw config.error(key, flags.size() + " numbers", "must be " + layers);
    }
    return flags;
  }

  private static void rope(Config config, MetadataBuilder out) {
    Rope rope = Rope.of(config, SHARE_THAT_TURNS);
    rope.put(out, CommonKeys.headWidth(config));
    if (config.has("swa_rope_theta")) {
      out.real("rope.freq_base_swa", config.real("swa_rope_theta"));
    }
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

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(config, map);
    Rope.of(config, SHARE_THAT_TURNS).addTensors(map, CommonKeys.headWidth(config));
    map.ignoreAll("model.mtp.");
    List<Boolean> slides = slides(config);
    int dense = dense(config);
    for (int l = 0; l < slides.size(); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      LlamaNames.norms(config, map, l);
      LlamaNames.attention(config, map, l);
      if (slides.get(l)) {
        map.take(from + "self_attn.attention_sink_bias", to + "attn_sinks.weight");
      }
      if (l < dense) {
        LlamaNames.gatedFfn(config, map, l);
      } else {
        ExpertNames.routed(config, map, l);
        map.take(from + "mlp.gate.e_score_correction_bias", to + "exp_probs_b.bias");
      }
    }
  }
}

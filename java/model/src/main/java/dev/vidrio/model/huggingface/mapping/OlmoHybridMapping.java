package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** OLMo Hybrid: attention in some layers, Gated DeltaNet in the others. */
public final class OlmoHybridMapping implements Mapping {
  private static final String TYPES = "layer_types";
  private static final String RECURRENT = "linear_attention";
  private static final String FULL = "full_attention";
  private static final String HEADS = "linear_num_value_heads";
  private static final String KEY_HEADS = "linear_num_key_heads";
  private static final String EPSILON = "rms_norm_eps";

  /** Epsilon of query and key normalization in transformers, whatever the norms have. */
  private static final double DELTA_RULE_EPSILON = 1e-6;

  private static final int MAX_HEADS = 4096;
  private static final int MAX_TAPS = 64;

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOff("attention_bias");
    config.require(
        EPSILON,
        value -> value.asDouble(0) == DELTA_RULE_EPSILON,
        "must be that of the delta rule, " + DELTA_RULE_EPSILON);
    int heads = config.size("num_attention_heads");
    int kvHeads = config.size("num_key_value_heads", heads);
    List<String> types = types(config);
    out.integer("context_length", config.size("max_position_embeddings"))
        .integer("embedding_length", config.size("hidden_size"))
        .integer("block_count", types.size())
        .integer("feed_forward_length", config.size("intermediate_size"))
        .integer("attention.head_count", heads)
        .integers(
            "attention.head_count_kv",
            types.stream().mapToInt(type -> type.equals(FULL) ? kvHeads : 0).toArray())
        .integer("vocab_size", config.size("vocab_size"));
    CommonKeys.rmsEpsilon(config, out, 1e-6);
    states(config, out);
    if (turns(config)) {
      Rope.of(config).put(out, CommonKeys.headWidth(config));
    }
  }

  private static List<String> types(Config config) {
    List<String> types = config.strings(TYPES);
    int layers = config.size("num_hidden_layers");
    if (types.size() != layers) {
      throw config.error(TYPES, types.toString(), "must name " + layers + " layers");
    }
    List<String> known = List.of(RECURRENT, FULL);
    for (String type : types) {
      if (!known.contains(type)) {
        throw config.unsupported(TYPES, type, "supported: " + known);
      }
    }
    return types;
  }

  /**
   * Returns whether attention has RoPE; a base of null, as in released configurations, means none.
   */
  private static boolean turns(Config config) {
    return !config.object("rope_parameters").isNull("rope_theta");
  }

  private static void states(Config config, MetadataBuilder out) {
    int keyHeads = config.integer(KEY_HEADS, 1, MAX_HEADS);
    int heads = config.integer(HEADS, 1, MAX_HEADS);
    if (heads % keyHeads != 0) {
      throw config.error(
          HEADS, Integer.toString(heads), "must be a multiple of " + KEY_HEADS + " " + keyHeads);
    }
    out.integer("ssm.group_count", keyHeads)
        .integer("ssm.time_step_rank", heads)
        .integer("ssm.state_size", keyWidth(config))
        .integer("ssm.inner_size", heads * valueWidth(config))
        .integer(
            "ssm.conv_kernel",
            config.has("linear_conv_kernel_dim")
                ? config.integer("linear_conv_kernel_dim", 1, MAX_TAPS)
                : 4)
        .real("ssm.beta_scale", config.bool("linear_allow_neg_eigval", true) ? 2 : 1);
  }

  private static int keyWidth(Config config) {
    return config.integer("linear_key_head_dim", 1, KvShape.HEAD_MAX);
  }

  private static int valueWidth(Config config) {
    return config.integer("linear_value_head_dim", 1, KvShape.HEAD_MAX);
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(config, map);
    if (turns(config)) {
      Rope.of(config).addTensors(map, CommonKeys.headWidth(config));
    }
    List<String> types = types(config);
    for (int l = 0; l < types.size(); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      LlamaNames.gatedFfn(config, map, l);
      boolean attends = types.get(l).equals(FULL);
      String second = named(map, from, "feedforward_layer_norm", "post_attention_layernorm");
      map.take(second, to + (attends ? "post_attention_norm" : "ffn_norm") + ".weight");
      if (attends) {
        LlamaNames.attention(config, map, l);
        LlamaNames.queryKeyNorms(config, map, l);
        map.take(from + "post_feedforward_layernorm.weight", to + "post_ffw_norm.weight");
      } else {
        String first = named(map, from, "attention_layer_norm", "input_layernorm");
        map.take(first, to + "attn_norm.weight");
        states(config, map, from + "linear_attn.", to);
      }
    }
  }

  /** Takes the tensors under either of two names. */
  private static String named(TensorMap map, String from, String name, String other) {
    String first = from + name + ".weight";
    return map.has(first) ? first : from + other + ".weight";
  }

  private static void states(Config config, TensorMap map, String from, String to) {
    int keys = config.integer(KEY_HEADS, 1, MAX_HEADS) * keyWidth(config);
    int heads = config.integer(HEADS, 1, MAX_HEADS);
    for (String part : List.of("q", "k", "v")) {
      map.take(from + part + "_proj.weight", to + "attn_" + part + ".weight");
      map.takeKernels(
          from + part + "_conv1d.weight",
          to + "ssm_conv1d_" + part + ".weight",
          part.equals("v") ? heads * valueWidth(config) : keys,
          IntUnaryOperator.identity());
    }
    map.take(from + "g_proj.weight", to + "attn_gate.weight");
    map.take(from + "a_proj.weight", to + "ssm_alpha.weight");
    map.take(from + "b_proj.weight", to + "ssm_beta.weight");
    map.take(from + "dt_bias", to + "ssm_dt.bias");
    map.takeRates(from + "A_log", to + "ssm_a", heads, IntUnaryOperator.identity());
    map.take(from + "o_norm.weight", to + "ssm_norm.weight");
    map.take(from + "o_proj.weight", to + "ssm_out.weight");
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** LFM3: full or sliding attention in some layers, short convolutions in the others. */
public final class Lfm3Mapping implements Mapping {
  private static final String TYPES = "layer_types";
  private static final String CONV = "conv";
  private static final String SLIDING = "sliding_attention";
  private static final String FULL = "full_attention";
  private static final int MAX_LENGTH = 64;
  private static final float NO_TURN = 1e30f;

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOff("conv_bias");
    config.requireOff("attention_bias");
    for (String part : List.of("use_sandwich_norm", "use_attention_gate")) {
      config.require(part, value -> value.asBoolean(false), "must be true");
    }
    int heads = config.size("num_attention_heads");
    int kvHeads = config.size("num_key_value_heads", heads);
    int dH = CommonKeys.headWidth(config);
    List<String> types = types(config);
    out.integer("context_length", config.size("max_position_embeddings"))
        .integer("embedding_length", config.size("hidden_size"))
        .integer("block_count", types.size())
        .integer("feed_forward_length", config.size("intermediate_size"))
        .integer("attention.head_count", heads)
        .integers(
            "attention.head_count_kv",
            types.stream().mapToInt(type -> type.equals(CONV) ? 0 : kvHeads).toArray())
        .integer("attention.key_length", dH)
        .integer("attention.value_length", dH)
        .integer("attention.sliding_window", config.size("sliding_window", 256))
        .bools("attention.sliding_window_pattern", types.stream().map(SLIDING::equals).toList())
        .integer("vocab_size", config.size("vocab_size"))
        .integer("shortconv.l_cache", config.integer("conv_L_cache", 1, MAX_LENGTH))
        .real("attention.layer_norm_rms_epsilon", config.real("norm_eps", 1e-5));
    rope(config, out);
  }

  private static List<String> types(Config config) {
    List<String> types = config.strings(TYPES);
    int layers = config.size("num_hidden_layers");
    if (types.size() != layers) {
      throw config.error(TYPES, types.toString(), "must name " + layers + " layers");
    }
    List<String> known = List.of(CONV, SLIDING, FULL);
    for (String type : types) {
      if (!known.contains(type)) {
        throw config.unsupported(TYPES, type, "supported: " + known);
      }
    }
    return types;
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

  /**
   * Returns divisors of frequencies in layers without a window; those of pairs without rotation are
   * nearly infinite.
   */
  private static float[] divisors(Config config) {
    Config full = rope(config, FULL);
    boolean whole = full.string("rope_type", "proportional").equals("default");
    double share = whole ? 1 : full.real("partial_rotary_factor", 1);
    int pairs = CommonKeys.headWidth(config) / 2;
    int turning = (int) (share * pairs);
    if (turning < 1 || turning > pairs) {
      throw full.error(
          "partial_rotary_factor", Double.toString(share), "must be above 0 and at most 1");
    }
    var divisors = new float[pairs];
    Arrays.fill(divisors, 0, turning, 1);
    Arrays.fill(divisors, turning, pairs, NO_TURN);
    return divisors;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.take("model.embedding_norm.weight", "token_embd_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", true);
    map.addVector("rope_freqs.weight", divisors(config));
    List<String> types = types(config);
    for (int l = 0; l < types.size(); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      map.take(from + "operator_norm.weight", to + "attn_norm.weight");
      map.take(from + "post_operator_norm.weight", to + "post_attention_norm.weight");
      map.take(from + "ffn_norm.weight", to + "ffn_norm.weight");
      map.take(from + "post_ffn_norm.weight", to + "post_ffw_norm.weight");
      if (types.get(l).equals(CONV)) {
        convolution(config, map, from + "conv.", to + "shortconv.");
      } else {
        LlamaNames.attention(config, map, l);
        LlamaNames.queryKeyNorms(config, map, l);
        map.take(gate(map, from + "self_attn."), to + "attn_gate.weight");
      }
      map.take(from + "feed_forward.w1.weight", to + "ffn_gate.weight");
      map.take(from + "feed_forward.w2.weight", to + "ffn_down.weight");
      map.take(from + "feed_forward.w3.weight", to + "ffn_up.weight");
    }
  }

  private static void convolution(Config config, TensorMap map, String from, String to) {
    map.takeKernels(
        from + "conv.weight",
        to + "conv.weight",
        config.size("hidden_size"),
        IntUnaryOperator.identity());
    map.take(from + "in_proj.weight", to + "in_proj.weight");
    map.take(from + "out_proj.weight", to + "out_proj.weight");
  }

  /** Returns the name of the gate, of which checkpoints have either. */
  private static String gate(TensorMap map, String from) {
    String name = from + "gate_proj.weight";
    return map.has(name) ? name : from + "g_proj.weight";
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.stream.IntStream;

/** Granite 4: Mamba 2 in most layers or in none, with experts or without. */
final class GraniteHybridMapping implements Mapping {
  private static final String EXPERTS = "num_local_experts";
  private static final String SHARED = "shared_intermediate_size";
  private static final String POSITIONS = "position_embedding_type";
  private static final List<String> RECURRENT = List.of("mamba", "linear_attention");
  private static final List<String> ATTENTION = List.of("attention", "full_attention");

  private final String architecture;

  /**
   * @param architecture {@code granitehybrid}, or, where all layers attend, {@code granite} or
   *     {@code granitemoe}
   */
  private GraniteHybridMapping(String architecture) {
    this.architecture = architecture;
  }

  /** The mapping of a config. */
  static Mapping of(Config config) {
    boolean attends = IntStream.range(0, layers(config)).allMatch(l -> attends(config, l));
    String plain = hasExperts(config) ? "granitemoe" : "granite";
    return new GraniteHybridMapping(attends ? plain : "granitehybrid");
  }

  @Override
  public String architecture() {
    return architecture;
  }

  private static int layers(Config config) {
    return config.size("num_hidden_layers");
  }

  private static boolean hasExperts(Config config) {
    return config.integer(EXPERTS, 0, Config.MAX_SIZE) > 0;
  }

  private static boolean attends(Config config, int layer) {
    List<String> types = config.strings("layer_types");
    if (types.size() != layers(config)) {
      throw config.error(
          "layer_types", types.toString(), "must name " + layers(config) + " layers");
    }
    String type = types.get(layer);
    if (!RECURRENT.contains(type) && !ATTENTION.contains(type)) {
      throw config.unsupported("layer_types", type, "supported: " + RECURRENT + ", " + ATTENTION);
    }
    return ATTENTION.contains(type);
  }

  private static boolean turns(Config config) {
    return config.string(POSITIONS, "nope").equals("rope");
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOff("attention_bias");
    config.requireOneOf(POSITIONS, "rope", "nope");
    if (!architecture.equals("granitehybrid") && !turns(config)) {
      throw config.unsupported(POSITIONS, "", "without Mamba 2 it must be rope");
    }
    String prefix = architecture + ".";
    int heads = config.size("num_attention_heads");
    int kvHeads = config.size("num_key_value_heads", heads);
    out.integer(prefix + "context_length", config.size("max_position_embeddings"))
        .integer(prefix + "embedding_length", config.size("hidden_size"))
        .integer(prefix + "block_count", layers(config))
        .integer(prefix + "attention.head_count", heads)
        .integer(prefix + "vocab_size", config.size("vocab_size"))
        .bool(prefix + "rope.scaling.finetuned", turns(config));
    Keys.rmsEpsilon(config, out, architecture);
    LlamaMapping.graniteScales(config, out, architecture);
    if (turns(config)) {
      Rope.of(config).put(out, architecture, Keys.headWidth(config));
    }
    int[] each =
        IntStream.range(0, layers(config)).map(l -> attends(config, l) ? kvHeads : 0).toArray();
    out.integers(prefix + "attention.head_count_kv", each);
    mamba(config).keys(config, out, architecture);
    int most = Config.MAX_SIZE;
    out.integer(
            prefix + "feed_forward_length",
            config.size(hasExperts(config) ? "intermediate_size" : SHARED))
        .integer(prefix + "expert_count", config.integer(EXPERTS, 0, most))
        .integer(prefix + "expert_used_count", config.integer("num_experts_per_tok", 0, most))
        .integer(prefix + "expert_shared_feed_forward_length", config.integer(SHARED, 0, most));
  }

  private static Mamba2Names mamba(Config config) {
    int width = Math.multiplyExact(config.size("mamba_expand"), config.size("hidden_size"));
    return Mamba2Names.ofWidth(config, width);
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    if (turns(config)) {
      Rope.of(config).addTensors(map, Keys.headWidth(config));
    }
    for (int l = 0; l < layers(config); l++) {
      LlamaNames.norms(map, l);
      if (attends(config, l)) {
        LlamaNames.interleavedAttention(map, config, l);
      } else {
        mamba(config).tensors(map, LlamaNames.from(l) + "mamba.", LlamaNames.to(l));
      }
      if (hasExperts(config)) {
        LlamaMapping.graniteExperts(config, map, l);
      } else {
        map.takeHalves(
            LlamaNames.from(l) + "shared_mlp.input_linear.weight",
            LlamaNames.to(l) + "ffn_gate.weight",
            LlamaNames.to(l) + "ffn_up.weight");
        map.take(
            LlamaNames.from(l) + "shared_mlp.output_linear.weight",
            LlamaNames.to(l) + "ffn_down.weight");
      }
    }
  }
}

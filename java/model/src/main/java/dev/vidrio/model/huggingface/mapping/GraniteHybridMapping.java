package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.stream.IntStream;

/** Granite 4: Mamba 2 in most layers or in none, with experts or without. */
public final class GraniteHybridMapping implements Mapping {
  private static final String EXPERTS = "num_local_experts";
  private static final String SHARED = "shared_intermediate_size";
  private static final String POSITIONS = "position_embedding_type";
  private static final List<String> RECURRENT = List.of("mamba", "linear_attention");
  private static final List<String> ATTENTION = List.of("attention", "full_attention");

  /** Models whose layers all have attention, which are Granite 3's architectures. */
  public static final Mapping WITHOUT_MAMBA = new GraniteHybridMapping(false);

  /** Models with Mamba 2 in some layers. */
  public static final Mapping WITH_MAMBA = new GraniteHybridMapping(true);

  private final boolean isHybrid;

  private GraniteHybridMapping(boolean isHybrid) {
    this.isHybrid = isHybrid;
  }

  /** Returns whether some layers have Mamba 2. */
  public static boolean isHybrid(Config config) {
    return !IntStream.range(0, layers(config)).allMatch(l -> attends(config, l));
  }

  @Override
  public boolean mapsAdapters() {
    return false;
  }

  private static int layers(Config config) {
    return config.size("num_hidden_layers");
  }

  /** Returns whether layers have experts. */
  public static boolean hasExperts(Config config) {
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
    if (!isHybrid && !turns(config)) {
      throw config.unsupported(POSITIONS, "", "without Mamba 2 it must be rope");
    }
    int heads = config.size("num_attention_heads");
    int kvHeads = config.size("num_key_value_heads", heads);
    out.integer("context_length", config.size("max_position_embeddings"))
        .integer("embedding_length", config.size("hidden_size"))
        .integer("block_count", layers(config))
        .integer("attention.head_count", heads)
        .integer("vocab_size", config.size("vocab_size"))
        .bool("rope.scaling.finetuned", turns(config));
    CommonKeys.rmsEpsilon(config, out, 1e-6);
    GraniteNames.scales(config, out);
    if (turns(config)) {
      Rope.of(config).put(out, CommonKeys.headWidth(config));
    }
    int[] each =
        IntStream.range(0, layers(config)).map(l -> attends(config, l) ? kvHeads : 0).toArray();
    out.integers("attention.head_count_kv", each);
    mamba(config).keys(config, out);
    int most = Config.MAX_SIZE;
    out.integer(
            "feed_forward_length", config.size(hasExperts(config) ? "intermediate_size" : SHARED))
        .integer("expert_count", config.integer(EXPERTS, 0, most))
        .integer("expert_used_count", config.integer("num_experts_per_tok", 0, most))
        .integer("expert_shared_feed_forward_length", config.integer(SHARED, 0, most));
  }

  private static Mamba2Names mamba(Config config) {
    int width = Math.multiplyExact(config.size("mamba_expand"), config.size("hidden_size"));
    return Mamba2Names.ofWidth(config, width);
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(config, map);
    if (turns(config)) {
      Rope.of(config).addTensors(map, CommonKeys.headWidth(config));
    }
    for (int l = 0; l < layers(config); l++) {
      LlamaNames.norms(config, map, l);
      if (attends(config, l)) {
        LlamaNames.interleavedAttention(config, map, l);
      } else {
        mamba(config).tensors(map, LlamaNames.from(l) + "mamba.", LlamaNames.to(l));
      }
      if (hasExperts(config)) {
        GraniteNames.experts(config, map, l);
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

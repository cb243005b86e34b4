package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;

/** Mellum 2: the tensors of Qwen3 MoE; a sliding window in some layers. */
final class MellumMapping implements Mapping {

  @Override
  public String architecture() {
    return "mellum";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    if (config.has("mlp_layer_types") && config.strings("mlp_layer_types").contains("dense")) {
      throw config.unsupported("mlp_layer_types", "dense", "each layer has a mixture");
    }
    Keys.sizes(config, out, "mellum");
    Keys.rmsEpsilon(config, out, "mellum");
    requireBases(config);
    Rope.of(config).put(out, "mellum", Keys.headWidth(config));
    if (slides(config)) {
      SlidingWindow.put(config, out, "mellum", 1);
    }
    ExpertNames.counts(config, out, "mellum");
    out.integer("mellum.expert_feed_forward_length", config.size("moe_intermediate_size"))
        .bool("mellum.expert_weights_norm", config.bool("norm_topk_prob", true));
  }

  /** What transformers takes in their place differs from layer to layer. */
  private static void requireBases(Config config) {
    for (String layers : List.of("full_attention", "sliding_attention")) {
      config.object("rope_parameters").object(layers).real("rope_theta");
    }
    config
        .object("rope_parameters")
        .object("sliding_attention")
        .requireOneOf("rope_type", "default");
  }

  private static boolean slides(Config config) {
    return config.has("layer_types") && config.strings("layer_types").contains("sliding_attention");
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    map.ignoreAll("mtp.");
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      LlamaNames.norms(map, l);
      LlamaNames.attention(map, l);
      LlamaNames.queryKeyNorms(map, l);
      ExpertNames.routed(config, map, l);
    }
  }
}

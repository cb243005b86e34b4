package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Command models with experts: one norm a block, rotary pairs that are adjacent already. */
final class Cohere2MoeMapping implements Mapping {
  private static final int LAYERS_PER_FULL = 4;
  private static final int MAX_SHARED = 256;
  private static final String RMS_EPSILON = "rms_norm_eps";
  private static final String SHARED = "num_shared_experts";
  private static final String CHOICE = "expert_selection_fn";

  @Override
  public String architecture() {
    return "cohere2moe";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("shared_expert_combination_strategy", "average");
    config.requireOneOf(CHOICE, "softmax", "sigmoid");
    config.require(
        "prefix_dense_sliding_window_pattern", value -> value.asInt(0) == 1, "it must be 1");
    Keys.sizes(config, out, "cohere2moe");
    int width = config.size("intermediate_size");
    boolean softmax = config.string(CHOICE, "softmax").equals("softmax");
    out.integer(
            "cohere2moe.feed_forward_length", config.size("prefix_dense_intermediate_size", width))
        .real("cohere2moe.logit_scale", config.real("logit_scale", 0.0625))
        .integer("cohere2moe.expert_feed_forward_length", width)
        .integer("cohere2moe.expert_shared_count", shared(config))
        .integer("cohere2moe.expert_shared_feed_forward_length", width * shared(config))
        .integer("cohere2moe.leading_dense_block_count", ExpertNames.dense(config, 0))
        .integer("cohere2moe.expert_gating_func", softmax ? 1 : 2)
        // A softmax is one over the chosen, whatever the config says.
        .bool("cohere2moe.expert_weights_norm", softmax || config.bool("norm_topk_prob", true));
    ExpertNames.counts(config, out, "cohere2moe");
    SlidingWindow.put(config, out, "cohere2moe", LAYERS_PER_FULL);
    Keys.layerNormEpsilon(config, out, "cohere2moe", "layer_norm_eps");
    if (config.has(RMS_EPSILON)) { // which of the two is there says which norms
      Keys.rmsEpsilon(config, out, "cohere2moe");
    }
    Rope.of(config).put(out, "cohere2moe", Keys.headWidth(config));
  }

  private static int shared(Config config) {
    return config.has(SHARED) ? config.integer(SHARED, 0, MAX_SHARED) : 0;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.take("model.norm.weight", "output_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", true);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    int dense = ExpertNames.dense(config, 0);
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      map.take(
          LlamaNames.from(l) + "input_layernorm.weight", LlamaNames.to(l) + "attn_norm.weight");
      LlamaNames.attention(map, l);
      if (l < dense) {
        LlamaNames.gatedFfn(map, l);
        continue;
      }
      ExpertNames.routed(config, map, l);
      if (shared(config) > 0) {
        ExpertNames.shared(map, "shared_experts", l);
      }
    }
    LlamaNames.ignoreDrafts(map, config);
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** DeepSeekMoE: dense layers first, then experts that a softmax chooses, and a shared one. */
final class DeepseekMapping implements LayerMapping {
  private static final int MAX_SHARED = 256;

  @Override
  public String architecture() {
    return "deepseek";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("scoring_func", "softmax");
    config.requireOff("norm_topk_prob");
    config.require("moe_layer_freq", value -> value.asInt(0) == 1, "it must be 1");
    Keys.sizes(config, out, "deepseek");
    Keys.rmsEpsilon(config, out, "deepseek");
    Rope.of(config).put(out, "deepseek", Keys.headWidth(config));
    ExpertNames.counts(config, out, "deepseek");
    out.integer("deepseek.expert_feed_forward_length", config.size("moe_intermediate_size"))
        .integer("deepseek.expert_shared_count", shared(config))
        .integer("deepseek.leading_dense_block_count", dense(config))
        .integer("deepseek.expert_gating_func", 1)
        .real("deepseek.expert_weights_scale", 1)
        .bool("deepseek.expert_weights_norm", false);
  }

  private static int shared(Config config) {
    return config.has("n_shared_experts") ? config.integer("n_shared_experts", 0, MAX_SHARED) : 0;
  }

  private static int dense(Config config) {
    return config.integer("first_k_dense_replace", 0, config.size("num_hidden_layers"));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.interleavedAttention(map, config, l);
    if (l < dense(config)) {
      LlamaNames.gatedFfn(map, l);
      return;
    }
    ExpertNames.routed(config, map, l);
    if (shared(config) > 0) {
      ExpertNames.shared(map, "shared_experts", l);
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Arcee's Trinity: dense layers first, then experts, and a sliding window in most layers. */
final class AfmoeMapping implements LayerMapping {
  private static final int MAX_SHARED = 256;
  private static final String DENSE = "num_dense_layers";
  private static final String SHARED = "num_shared_experts";

  @Override
  public String architecture() {
    return "afmoe";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("score_func", "sigmoid");
    config.require("route_norm", value -> value.asBoolean(false), "it must be true");
    config.require("num_expert_groups", value -> value.asInt(0) == 1, "it must be 1");
    if (!config.bool("mup_enabled", false)) {
      throw config.unsupported("mup_enabled", "false", "it must be true");
    }
    Keys.sizes(config, out, "afmoe");
    Keys.rmsEpsilon(config, out, "afmoe", 1e-5);
    Rope.of(config).put(out, "afmoe", Keys.headWidth(config));
    SlidingWindow.put(config, out, "afmoe", config.size("global_attn_every_n_layers", 4));
    ExpertNames.counts(config, out, "afmoe");
    int shared = config.has(SHARED) ? config.integer(SHARED, 1, MAX_SHARED) : 2;
    out.integer("afmoe.expert_feed_forward_length", config.size("moe_intermediate_size"))
        .integer("afmoe.expert_shared_count", shared)
        .integer("afmoe.leading_dense_block_count", dense(config))
        .integer("afmoe.expert_gating_func", 2)
        .real("afmoe.expert_weights_scale", config.real("route_scale", 1))
        .bool("afmoe.expert_weights_norm", true);
  }

  private static int dense(Config config) {
    return config.has(DENSE) ? config.integer(DENSE, 0, config.size("num_hidden_layers")) : 1;
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    map.take(from + "input_layernorm.weight", to + "attn_norm.weight");
    map.take(from + "post_attention_layernorm.weight", to + "post_attention_norm.weight");
    map.take(from + "pre_mlp_layernorm.weight", to + "ffn_norm.weight");
    map.take(from + "post_mlp_layernorm.weight", to + "post_ffw_norm.weight");
    LlamaNames.attention(map, l);
    LlamaNames.queryKeyNorms(map, l);
    map.take(from + "self_attn.gate_proj.weight", to + "attn_gate.weight");
    if (l < dense(config)) {
      LlamaNames.gatedFfn(map, l);
      return;
    }
    map.take(from + "mlp.router.gate.weight", to + "ffn_gate_inp.weight");
    map.take(from + "mlp.expert_bias", to + "exp_probs_b.bias");
    ExpertNames.experts(config, map, l);
    ExpertNames.shared(map, "shared_experts", l);
  }
}

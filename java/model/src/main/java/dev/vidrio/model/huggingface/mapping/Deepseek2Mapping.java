package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * DeepSeek V2, V3 and R1, and GLM-4.7-Flash: latent attention, dense layers first, then experts
 * that a softmax chooses (V2) or sigmoids and a bias, and a shared one. Blocks that draft tokens
 * are left out, as in transformers.
 */
final class Deepseek2Mapping implements Mapping {
  private static final int MAX_SHARED = 256;

  /** What transformers gives the norms of latent vectors, whatever the config says. */
  private static final double LATENT_EPSILON = 1e-6;

  private final boolean isV2;
  private final double epsilon;

  /**
   * @param isV2 whether a softmax chooses, without a bias
   * @param epsilon of norms where the config says nothing
   */
  Deepseek2Mapping(boolean isV2, double epsilon) {
    this.isV2 = isV2;
    this.epsilon = epsilon;
  }

  @Override
  public String architecture() {
    return "deepseek2";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("scoring_func", isV2 ? "softmax" : "sigmoid");
    config.require("moe_layer_freq", value -> value.asInt(0) == 1, "it must be 1");
    config.require(
        "rope_interleave", value -> value.isBoolean() && value.booleanValue(), "it must be true");
    out.integer("deepseek2.context_length", config.size("max_position_embeddings"))
        .integer("deepseek2.embedding_length", config.size("hidden_size"))
        .integer("deepseek2.block_count", config.size("num_hidden_layers"))
        .integer("deepseek2.feed_forward_length", config.size("intermediate_size"));
    if (config.has("vocab_size")) {
      out.integer("deepseek2.vocab_size", config.size("vocab_size"));
    }
    attention(config, out);
    experts(config, out);
  }

  /** Lengths as llama.cpp has them, which attends to the latent vectors of all heads at once. */
  private void attention(Config config, MetadataBuilder out) {
    String prefix = "deepseek2.attention.";
    int rank = config.size("kv_lora_rank");
    int turning = config.size("qk_rope_head_dim");
    out.integer(prefix + "head_count", config.size("num_attention_heads"))
        .integer(prefix + "head_count_kv", 1)
        .integer(prefix + "kv_lora_rank", rank)
        .integer(prefix + "key_length", rank + turning)
        .integer(prefix + "value_length", rank)
        .integer(prefix + "key_length_mla", still(config) + turning)
        .integer(prefix + "value_length_mla", config.size("v_head_dim"));
    if (config.has("q_lora_rank")) {
      out.integer(prefix + "q_lora_rank", config.size("q_lora_rank"));
    }
    Keys.rmsEpsilon(config, out, "deepseek2", epsilon);
    if (config.real("rms_norm_eps", epsilon) != LATENT_EPSILON) {
      out.real(prefix + "latent_norm_rms_epsilon", LATENT_EPSILON);
    }
    Rope.of(config).putSharpeningScores(out, "deepseek2", turning);
  }

  private static int still(Config config) {
    return config.size("qk_nope_head_dim");
  }

  private void experts(Config config, MetadataBuilder out) {
    if (isV2) {
      config.requireOff("norm_topk_prob");
      config.requireOneOf("topk_method", "greedy", "group_limited_greedy");
    } else {
      config.requireOneOf("topk_method", "noaux_tc");
    }
    ExpertNames.groupedCounts(config, out, "deepseek2", isV2 && isGreedy(config));
    out.integer("deepseek2.expert_feed_forward_length", config.size("moe_intermediate_size"))
        .integer("deepseek2.expert_shared_count", shared(config))
        .integer("deepseek2.leading_dense_block_count", ExpertNames.dense(config, 1))
        .integer("deepseek2.expert_gating_func", isV2 ? 1 : 2)
        .real("deepseek2.expert_weights_scale", config.real("routed_scaling_factor", 1))
        .bool("deepseek2.expert_weights_norm", config.bool("norm_topk_prob", !isV2));
  }

  private static boolean isGreedy(Config config) {
    return config.string("topk_method", "greedy").equals("greedy");
  }

  private static int shared(Config config) {
    return config.has("n_shared_experts") ? config.integer("n_shared_experts", 0, MAX_SHARED) : 0;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    Rope.of(config).addTensors(map, config.size("qk_rope_head_dim"));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      LlamaNames.norms(map, l);
      attention(config, map, l);
      if (l < ExpertNames.dense(config, 1)) {
        LlamaNames.gatedFfn(map, l);
        continue;
      }
      ExpertNames.routed(config, map, l);
      if (!isV2) {
        map.take(
            LlamaNames.from(l) + "mlp.gate.e_score_correction_bias",
            LlamaNames.to(l) + "exp_probs_b.bias");
      }
      if (shared(config) > 0) {
        ExpertNames.shared(map, "shared_experts", l);
      }
    }
    LlamaNames.ignoreDrafts(map, config);
  }

  private static void attention(Config config, TensorMap map, int layer) {
    String from = LlamaNames.from(layer) + "self_attn.";
    String to = LlamaNames.to(layer);
    if (config.has("q_lora_rank")) {
      map.takeLinear(from + "q_a_proj", to + "attn_q_a");
      map.take(from + "q_a_layernorm.weight", to + "attn_q_a_norm.weight");
      map.takeLinear(from + "q_b_proj", to + "attn_q_b");
    } else {
      map.takeLinear(from + "q_proj", to + "attn_q");
    }
    map.takeLinear(from + "kv_a_proj_with_mqa", to + "attn_kv_a_mqa");
    map.take(from + "kv_a_layernorm.weight", to + "attn_kv_a_norm.weight");
    map.takeHeads(
        from + "kv_b_proj.weight",
        config.size("num_attention_heads"),
        still(config),
        to + "attn_k_b.weight",
        to + "attn_v_b.weight");
    LlamaNames.output(map, layer);
  }
}

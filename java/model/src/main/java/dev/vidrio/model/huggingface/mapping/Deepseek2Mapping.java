package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * DeepSeek V2, V3 and R1, GLM-4.7-Flash, Mistral 4, A.X K1, Sarvam 105B and Youtu: latent
 * attention, dense layers, then experts chosen by a softmax (V2, Mistral 4) or by sigmoids and a
 * bias, and a shared one. Youtu is dense. Draft blocks are ignored, as in transformers.
 */
public final class Deepseek2Mapping implements Mapping {
  private static final int MAX_SHARED = 256;

  /** Epsilon of latent norms in transformers, whatever the configuration has. */
  private static final double LATENT_EPSILON = 1e-6;

  /** Models of this shape. */
  public enum Kind {
    V2,
    V3,
    GLM_FLASH,
    MISTRAL_4,
    AXK1,
    YOUTU
  }

  private final Kind kind;
  private final boolean isBiased;
  private final double epsilon;
  private final int usualDense;

  public Deepseek2Mapping(Kind kind) {
    this.kind = kind;
    this.isBiased = kind == Kind.V3 || kind == Kind.GLM_FLASH || kind == Kind.AXK1;
    this.epsilon = kind == Kind.GLM_FLASH ? 1e-5 : 1e-6;
    this.usualDense = kind == Kind.MISTRAL_4 ? 0 : 1;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("scoring_func", isBiased ? "sigmoid" : "softmax");
    config.require("moe_layer_freq", value -> value.asInt(0) == 1, "must be 1");
    config.require(
        "rope_interleave", value -> value.isBoolean() && value.booleanValue(), "must be true");
    out.integer("context_length", config.size("max_position_embeddings"))
        .integer("embedding_length", config.size("hidden_size"))
        .integer("block_count", config.size("num_hidden_layers"))
        .integer("feed_forward_length", config.size("intermediate_size"));
    if (config.has("vocab_size")) {
      out.integer("vocab_size", config.size("vocab_size"));
    }
    attention(config, out);
    if (kind == Kind.YOUTU) {
      out.integer("leading_dense_block_count", config.size("num_hidden_layers"))
          .integer("expert_feed_forward_length", config.size("intermediate_size"))
          .integer("expert_shared_count", 0);
    } else {
      experts(config, out);
    }
  }

  /** Adds lengths as llama.cpp has them, whose attention is over latent vectors. */
  private void attention(Config config, MetadataBuilder out) {
    int rank = config.size("kv_lora_rank");
    int turning = config.size("qk_rope_head_dim");
    out.integer("attention.head_count", config.size("num_attention_heads"))
        .integer("attention.head_count_kv", 1)
        .integer("attention.kv_lora_rank", rank)
        .integer("attention.key_length", rank + turning)
        .integer("attention.value_length", rank)
        .integer("attention.key_length_mla", still(config) + turning)
        .integer("attention.value_length_mla", config.size("v_head_dim"));
    if (config.has("q_lora_rank")) {
      out.integer("attention.q_lora_rank", config.size("q_lora_rank"));
    }
    CommonKeys.rmsEpsilon(config, out, epsilon);
    if (config.real("rms_norm_eps", epsilon) != LATENT_EPSILON) {
      out.real("attention.latent_norm_rms_epsilon", LATENT_EPSILON);
    }
    Rope rope = rope(config);
    rope.putSharpeningScores(out, turning);
    if (kind == Kind.MISTRAL_4 && rope.scaling().has("llama_4_scaling_beta")) {
      out.real("attention.temperature_scale", rope.scaling().real("llama_4_scaling_beta"))
          .integer("attention.temperature_length", rope.original());
    }
  }

  /** Returns RoPE of the rotated part of a head; configurations of Mistral 4 have the part. */
  private Rope rope(Config config) {
    return kind == Kind.MISTRAL_4 ? Rope.of(config, 1).whole() : Rope.of(config);
  }

  private static int still(Config config) {
    return config.size("qk_nope_head_dim");
  }

  private void experts(Config config, MetadataBuilder out) {
    switch (kind) {
      case V2 -> {
        config.requireOff("norm_topk_prob");
        config.requireOneOf("topk_method", "greedy", "group_limited_greedy");
      }
      // Its groups are ranked by the sum of two softmaxes, which the format does not say.
      case MISTRAL_4 -> config.require("n_group", value -> value.asInt(0) == 1, "must be 1");
      default -> config.requireOneOf("topk_method", "noaux_tc");
    }
    boolean ungrouped = kind == Kind.V2 && isGreedy(config);
    ExpertNames.groupedCounts(config, out, ungrouped);
    out.integer("expert_feed_forward_length", config.size("moe_intermediate_size"))
        .integer("expert_shared_count", shared(config))
        .integer("leading_dense_block_count", ExpertNames.dense(config, usualDense))
        .integer("expert_gating_func", isBiased ? 2 : 1)
        .real(
            "expert_weights_scale",
            config.real("routed_scaling_factor", kind == Kind.AXK1 ? 2.5 : 1))
        .bool("expert_weights_norm", config.bool("norm_topk_prob", kind != Kind.V2));
  }

  private static boolean isGreedy(Config config) {
    return config.string("topk_method", "greedy").equals("greedy");
  }

  private static int shared(Config config) {
    String key = config.firstOf("n_shared_experts", "num_shared_experts");
    return config.has(key) ? config.integer(key, 0, MAX_SHARED) : 0;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(config, map);
    rope(config).addTensors(map, config.size("qk_rope_head_dim"));
    boolean isDense = kind == Kind.YOUTU;
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      LlamaNames.norms(config, map, l);
      attention(config, map, l);
      if (isDense || l < ExpertNames.dense(config, usualDense)) {
        LlamaNames.gatedFfn(config, map, l);
        continue;
      }
      experts(config, map, l);
      if (isBiased) {
        map.take(
            LlamaNames.from(l) + "mlp.gate.e_score_correction_bias",
            LlamaNames.to(l) + "exp_probs_b.bias");
      }
      if (shared(config) > 0) {
        ExpertNames.shared("shared_experts").take(config, map, l);
      }
      if (kind == Kind.AXK1) {
        map.take(
            LlamaNames.from(l) + "post_mlp_layernorm.weight",
            LlamaNames.to(l) + "post_ffw_norm.weight");
      }
    }
    LlamaNames.ignoreDraftBlocks(config, map);
  }

  /** Takes router and experts; other programs read those of Mistral 4 as they are. */
  private void experts(Config config, TensorMap map, int layer) {
    String from = LlamaNames.from(layer) + "mlp.experts.";
    String to = LlamaNames.to(layer);
    if (kind != Kind.MISTRAL_4 || !map.has(from + "gate_up_proj")) {
      ExpertNames.routed(config, map, layer);
      return;
    }
    map.take(LlamaNames.from(layer) + "mlp.gate.weight", to + "ffn_gate_inp.weight");
    map.take(from + "gate_up_proj", to + "ffn_gate_up_exps.weight");
    map.take(from + "down_proj", to + "ffn_down_exps.weight");
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
    LlamaNames.output(config, map, layer);
  }
}

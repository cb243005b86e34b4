package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * Ling 2.0 and Sarvam: dense layers, then experts chosen by sigmoids and a bias, and a shared one.
 * Sarvam subtracts the mean of its biases, which changes no choice.
 */
public final class BailingMoe2Mapping implements Mapping {
  private static final int MAX_SHARED = 256;

  private final double share;
  private final int dense;

  /**
   * Makes a mapping.
   *
   * @param share part of a head with RoPE unless the configuration has it
   * @param dense number of dense layers unless the configuration has it
   */
  public BailingMoe2Mapping(double share, int dense) {
    this.share = share;
    this.dense = dense;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("score_function", "sigmoid");
    config.requireOff("use_bias");
    config.requireOff("use_qkv_bias");
    Rope.requireBase(config);
    CommonKeys.dimensions(config, out);
    CommonKeys.rmsEpsilon(config, out, 1e-6);
    Rope.of(config, share).put(out, CommonKeys.headWidth(config));
    ExpertNames.groupedCounts(config, out, false);
    int width = config.size("moe_intermediate_size");
    int shared = config.integer("num_shared_experts", 1, MAX_SHARED);
    out.integer("expert_feed_forward_length", width)
        .integer("expert_shared_count", shared)
        .integer(
            "expert_shared_feed_forward_length",
            config.size("moe_shared_expert_intermediate_size", width * shared))
        .integer("leading_dense_block_count", ExpertNames.dense(config, dense))
        .integer("nextn_predict_layers", 0)
        .integer("expert_gating_func", 2)
        .real("expert_weights_scale", config.real("routed_scaling_factor"))
        .bool("expert_weights_norm", config.bool("norm_topk_prob", true));
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.word_embeddings.weight", "token_embd.weight");
    map.take("model.norm.weight", "output_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", false);
    Rope.of(config, share).addTensors(map, CommonKeys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      LlamaNames.norms(config, map, l);
      map.take(from + "attention.query_key_value.weight", to + "attn_qkv.weight");
      map.take(from + "attention.dense.weight", to + "attn_output.weight");
      map.take(from + "attention.query_layernorm.weight", to + "attn_q_norm.weight");
      map.take(from + "attention.key_layernorm.weight", to + "attn_k_norm.weight");
      if (l < ExpertNames.dense(config, dense)) {
        LlamaNames.gatedFfn(config, map, l);
        continue;
      }
      ExpertNames.routed(config, map, l);
      map.take(from + "mlp.gate.expert_bias", to + "exp_probs_b.bias");
      ExpertNames.shared("shared_experts").take(config, map, l);
    }
    LlamaNames.ignoreDraftBlocks(config, map);
  }
}

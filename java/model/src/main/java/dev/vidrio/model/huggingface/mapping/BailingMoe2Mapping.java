package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * Ling 2.0 and Sarvam: dense layers first, then experts that sigmoids and a bias choose, and a
 * shared one. Sarvam subtracts the mean of its biases, which changes no choice.
 */
final class BailingMoe2Mapping implements Mapping {
  private static final int MAX_SHARED = 256;

  private final double share;
  private final int dense;

  /**
   * @param share of a head that turns where the config says nothing
   * @param dense layers that come first where the config says nothing
   */
  BailingMoe2Mapping(double share, int dense) {
    this.share = share;
    this.dense = dense;
  }

  @Override
  public String architecture() {
    return "bailingmoe2";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("score_function", "sigmoid");
    config.requireOff("use_bias");
    config.requireOff("use_qkv_bias");
    Rope.requireBase(config);
    Keys.sizes(config, out, "bailingmoe2");
    Keys.rmsEpsilon(config, out, "bailingmoe2");
    Rope.of(config, share).put(out, "bailingmoe2", Keys.headWidth(config));
    ExpertNames.groupedCounts(config, out, "bailingmoe2", false);
    int width = config.size("moe_intermediate_size");
    int shared = config.integer("num_shared_experts", 1, MAX_SHARED);
    out.integer("bailingmoe2.expert_feed_forward_length", width)
        .integer("bailingmoe2.expert_shared_count", shared)
        .integer(
            "bailingmoe2.expert_shared_feed_forward_length",
            config.size("moe_shared_expert_intermediate_size", width * shared))
        .integer("bailingmoe2.leading_dense_block_count", ExpertNames.dense(config, dense))
        .integer("bailingmoe2.nextn_predict_layers", 0)
        .integer("bailingmoe2.expert_gating_func", 2)
        .real("bailingmoe2.expert_weights_scale", config.real("routed_scaling_factor"))
        .bool("bailingmoe2.expert_weights_norm", config.bool("norm_topk_prob", true));
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.word_embeddings.weight", "token_embd.weight");
    map.take("model.norm.weight", "output_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", false);
    Rope.of(config, share).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      LlamaNames.norms(map, l);
      map.take(from + "attention.query_key_value.weight", to + "attn_qkv.weight");
      map.take(from + "attention.dense.weight", to + "attn_output.weight");
      map.take(from + "attention.query_layernorm.weight", to + "attn_q_norm.weight");
      map.take(from + "attention.key_layernorm.weight", to + "attn_k_norm.weight");
      if (l < ExpertNames.dense(config, dense)) {
        LlamaNames.gatedFfn(map, l);
        continue;
      }
      ExpertNames.routed(config, map, l);
      map.take(from + "mlp.gate.expert_bias", to + "exp_probs_b.bias");
      ExpertNames.shared(map, "shared_experts", l);
    }
    LlamaNames.ignoreDrafts(map, config);
  }
}

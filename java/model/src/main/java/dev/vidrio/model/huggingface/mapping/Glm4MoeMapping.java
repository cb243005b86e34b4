package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * GLM-4.5, Solar Open and dots.llm1: dense layers first, then experts that sigmoids and a bias
 * choose, and a shared one. Blocks of GLM-4.5 that draft tokens are left out, as in transformers.
 */
final class Glm4MoeMapping implements LayerMapping {
  private final String architecture;
  private final boolean isGlm;
  private final double share;
  private final int dense;

  /**
   * @param architecture {@code glm4moe} or {@code dots1}
   */
  Glm4MoeMapping(String architecture) {
    this(architecture, architecture.equals("glm4moe") ? 0.5 : 1, -1);
  }

  /**
   * @param share of a head that turns where the config says nothing
   * @param dense layers that come first where the config says nothing, −1 where it must say so
   */
  Glm4MoeMapping(String architecture, double share, int dense) {
    this.architecture = architecture;
    this.isGlm = architecture.equals("glm4moe");
    this.share = share;
    this.dense = dense;
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("scoring_func", "sigmoid", "noaux_tc");
    Keys.sizes(config, out, architecture);
    Keys.rmsEpsilon(config, out, architecture, isGlm ? 1e-5 : 1e-6);
    rope(config).put(out, architecture, Keys.headWidth(config));
    ExpertNames.counts(config, out, architecture);
    String prefix = architecture + ".";
    out.integer(prefix + "expert_feed_forward_length", config.size("moe_intermediate_size"))
        .integer(prefix + "expert_shared_count", config.integer("n_shared_experts", 0, 256))
        .integer(prefix + "leading_dense_block_count", dense(config))
        .integer(prefix + "expert_gating_func", 2)
        .real(prefix + "expert_weights_scale", config.real("routed_scaling_factor", 1))
        .bool(prefix + "expert_weights_norm", config.bool("norm_topk_prob", isGlm));
  }

  @Override
  public Rope rope(Config config) {
    return Rope.of(config, share);
  }

  private int dense(Config config) {
    return dense >= 0 && !config.has("first_k_dense_replace")
        ? dense
        : config.integer("first_k_dense_replace", 0, config.size("num_hidden_layers"));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    map.take(from + "input_layernorm.weight", to + "attn_norm.weight");
    map.take(
        from + "post_attention_layernorm.weight",
        to + (isGlm ? "post_attention_norm.weight" : "ffn_norm.weight"));
    LlamaNames.attention(map, l);
    map.takeOptional(from + "self_attn.q_norm.weight", to + "attn_q_norm.weight");
    map.takeOptional(from + "self_attn.k_norm.weight", to + "attn_k_norm.weight");
    if (l < dense(config)) {
      LlamaNames.gatedFfn(map, l);
    } else {
      ExpertNames.routed(config, map, l);
      map.take(from + "mlp.gate.e_score_correction_bias", to + "exp_probs_b.bias");
      if (config.integer("n_shared_experts", 0, 256) > 0) {
        ExpertNames.shared(map, "shared_experts", l);
      }
    }
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LayerMapping.super.tensors(config, map);
    if (isGlm) {
      LlamaNames.ignoreDrafts(map, config);
    }
  }
}

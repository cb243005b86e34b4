package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Laguna, whose layers differ in query heads, and in how these turn. */
final class LagunaMapping implements LayerMapping {
  private static final String WINDOW = "sliding_window";
  private static final String HEADS = "num_attention_heads_per_layer";

  @Override
  public String architecture() {
    return "laguna";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOff("moe_apply_router_weight_on_input");
    config.require(
        "moe_router_logit_softcapping", value -> value.asDouble(-1) == 0, "it must be 0");
    Keys.sizes(config, out, "laguna");
    if (config.has(HEADS)) {
      out.integers("laguna.attention.head_count", config.integers(HEADS));
    }
    Keys.rmsEpsilon(config, out, "laguna");
    rotations(config, out);
    ExpertNames.counts(config, out, "laguna");
    int shared = config.size("shared_expert_intermediate_size");
    out.integer("laguna.expert_feed_forward_length", config.size("moe_intermediate_size"))
        .integer("laguna.expert_shared_feed_forward_length", shared)
        .integer("laguna.leading_dense_block_count", ExpertNames.dense(config, 1))
        .integer("laguna.expert_gating_func", 2)
        .real("laguna.expert_weights_scale", config.real("moe_routed_scaling_factor", 1))
        .bool("laguna.expert_weights_norm", true);
  }

  private void rotations(Config config, MetadataBuilder out) {
    Config each = config.object("rope_parameters");
    each.object("full_attention").real("rope_theta");
    int dH = Keys.headWidth(config);
    rope(config).put(out, "laguna", dH);
    if (config.has(WINDOW) && config.integer(WINDOW, 0, Config.MAX_SIZE) > 0) {
      Config local = each.object("sliding_attention");
      local.requireOneOf("rope_type", "default");
      int turning = (int) (dH * local.real("partial_rotary_factor", 1));
      SlidingWindow.putTypes(config, out, "laguna");
      out.real("laguna.rope.freq_base_swa", local.real("rope_theta"))
          .integer("laguna.rope.dimension_count_swa", turning);
    }
  }

  @Override
  public Rope rope(Config config) {
    return Rope.of(config, 1);
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    LlamaNames.queryKeyNorms(map, l);
    map.take(from + "self_attn.g_proj.weight", to + "attn_gate.weight");
    if (l < ExpertNames.dense(config, 1)) {
      LlamaNames.gatedFfn(map, l);
      return;
    }
    ExpertNames.routed(config, map, l);
    map.take(from + "mlp.experts.e_score_correction_bias", to + "exp_probs_b.bias");
    ExpertNames.shared(map, "shared_expert", l);
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** MiniCPM3: latent attention, scale constants, LongRoPE. */
public final class MiniCpm3Mapping implements Mapping {

  /** Epsilon of latent norms in transformers, whatever the configuration has. */
  private static final double LATENT_EPSILON = 1e-6;

  private static final String CONTEXT = "max_position_embeddings";

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    int heads = config.size("num_attention_heads");
    int d = config.size("hidden_size");
    int layers = config.size("num_hidden_layers");
    out.integer("context_length", config.size(CONTEXT))
        .integer("embedding_length", d)
        .integer("block_count", layers)
        .integer("feed_forward_length", config.size("intermediate_size"))
        .integer("attention.head_count", heads)
        .integer("attention.head_count_kv", heads)
        .integer("attention.q_lora_rank", config.size("q_lora_rank"))
        .integer("attention.kv_lora_rank", config.size("kv_lora_rank"))
        .integer("attention.key_length", config.size("qk_nope_head_dim") + turning(config))
        .integer("attention.value_length", config.size("v_head_dim", d / heads))
        .real("embedding_scale", config.real("scale_emb", 12))
        .real("residual_scale", config.real("scale_depth", 1.4) / Math.sqrt(layers))
        .real("logit_scale", d / config.real("dim_model_base", 256));
    if (config.has("vocab_size")) {
      out.integer("vocab_size", config.size("vocab_size"));
    }
    CommonKeys.rmsEpsilon(config, out, 1e-5);
    out.real("attention.latent_norm_rms_epsilon", LATENT_EPSILON);
    LongRope.put(Rope.of(config), config, out, turning(config));
  }

  private static int turning(Config config) {
    return config.size("qk_rope_head_dim");
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(config, map);
    LongRope.addTensors(Rope.of(config), map, turning(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l) + "self_attn.";
      String to = LlamaNames.to(l);
      LlamaNames.norms(config, map, l);
      map.take(from + "q_a_proj.weight", to + "attn_q_a.weight");
      map.take(from + "q_a_layernorm.weight", to + "attn_q_a_norm.weight");
      map.take(from + "q_b_proj.weight", to + "attn_q_b.weight");
      map.take(from + "kv_a_proj_with_mqa.weight", to + "attn_kv_a_mqa.weight");
      map.take(from + "kv_a_layernorm.weight", to + "attn_kv_a_norm.weight");
      map.take(from + "kv_b_proj.weight", to + "attn_kv_b.weight");
      LlamaNames.output(config, map, l);
      LlamaNames.gatedFfn(config, map, l);
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** MiniCPM3: latent attention, the constants of MiniCPM, the divisors of Phi-3. */
final class MiniCpm3Mapping implements Mapping {

  /** What transformers gives the norms of latent vectors, whatever the config says. */
  private static final double LATENT_EPSILON = 1e-6;

  private static final String CONTEXT = "max_position_embeddings";

  @Override
  public String architecture() {
    return "minicpm3";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    String prefix = "minicpm3.attention.";
    int heads = config.size("num_attention_heads");
    int d = config.size("hidden_size");
    int layers = config.size("num_hidden_layers");
    out.integer("minicpm3.context_length", config.size(CONTEXT))
        .integer("minicpm3.embedding_length", d)
        .integer("minicpm3.block_count", layers)
        .integer("minicpm3.feed_forward_length", config.size("intermediate_size"))
        .integer(prefix + "head_count", heads)
        .integer(prefix + "head_count_kv", heads)
        .integer(prefix + "q_lora_rank", config.size("q_lora_rank"))
        .integer(prefix + "kv_lora_rank", config.size("kv_lora_rank"))
        .integer(prefix + "key_length", config.size("qk_nope_head_dim") + turning(config))
        .integer(prefix + "value_length", config.size("v_head_dim", d / heads))
        .real("minicpm3.embedding_scale", config.real("scale_emb", 12))
        .real("minicpm3.residual_scale", config.real("scale_depth", 1.4) / Math.sqrt(layers))
        .real("minicpm3.logit_scale", d / config.real("dim_model_base", 256));
    if (config.has("vocab_size")) {
      out.integer("minicpm3.vocab_size", config.size("vocab_size"));
    }
    Keys.rmsEpsilon(config, out, "minicpm3", 1e-5);
    out.real(prefix + "latent_norm_rms_epsilon", LATENT_EPSILON);
    LongRope.put(Rope.of(config), config, out, "minicpm3", turning(config));
  }

  private static int turning(Config config) {
    return config.size("qk_rope_head_dim");
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    LongRope.addTensors(Rope.of(config), map, turning(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l) + "self_attn.";
      String to = LlamaNames.to(l);
      LlamaNames.norms(map, l);
      map.take(from + "q_a_proj.weight", to + "attn_q_a.weight");
      map.take(from + "q_a_layernorm.weight", to + "attn_q_a_norm.weight");
      map.take(from + "q_b_proj.weight", to + "attn_q_b.weight");
      map.take(from + "kv_a_proj_with_mqa.weight", to + "attn_kv_a_mqa.weight");
      map.take(from + "kv_a_layernorm.weight", to + "attn_kv_a_norm.weight");
      map.take(from + "kv_b_proj.weight", to + "attn_kv_b.weight");
      LlamaNames.output(map, l);
      LlamaNames.gatedFfn(map, l);
    }
  }
}

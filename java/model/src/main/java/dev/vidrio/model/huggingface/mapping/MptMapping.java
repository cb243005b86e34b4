package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** MPT: ALiBi, no biases of projections. */
public final class MptMapping implements Mapping {

  @Override
  public void keys(Config config, MetadataBuilder out) {
    int d = config.size("d_model");
    Config attention = config.object("attn_config");
    attention.requireOff("qk_ln");
    attention.requireOff("prefix_lm");
    attention.require("softmax_scale", value -> false, "scores are divided by √d_h");
    out.integer("context_length", config.size("max_seq_len"))
        .integer("embedding_length", d)
        .integer("block_count", config.size("n_layers"))
        .integer("feed_forward_length", config.size("expansion_ratio", 4) * d)
        .integer("attention.head_count", config.size("n_heads"));
    if (attention.has("kv_n_heads")) {
      out.integer("attention.head_count_kv", attention.size("kv_n_heads"));
    }
    CommonKeys.layerNormEpsilon(config, out, "layer_norm_epsilon");
    if (attention.has("clip_qkv")) {
      out.real("attention.clamp_kqv", attention.real("clip_qkv"));
    }
    out.real(
        "attention.max_alibi_bias",
        attention.bool("alibi", true) ? attention.real("alibi_bias_max", 8) : 0);
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("transformer.wte.weight", "token_embd.weight");
    if (map.has("transformer.wpe.weight")) { // without ALiBi
      map.take("transformer.wpe.weight", "position_embd.weight");
    }
    map.takeLinear("transformer.norm_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", true);
    for (int l = 0; l < config.size("n_layers"); l++) {
      String from = "transformer.blocks." + l + ".";
      String to = LlamaNames.to(l);
      map.takeLinear(from + "norm_1", to + "attn_norm");
      map.takeLinear(from + "attn.Wqkv", to + "attn_qkv");
      map.takeLinear(from + "attn.out_proj", to + "attn_output");
      map.takeLinear(from + "norm_2", to + "ffn_norm");
      map.takeLinear(from + "ffn.up_proj", to + "ffn_up");
      map.takeLinear(from + "ffn.down_proj", to + "ffn_down");
    }
  }
}

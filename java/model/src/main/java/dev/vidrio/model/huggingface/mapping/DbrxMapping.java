package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** DBRX: fused queries, keys and values, and all experts in one matrix. */
public final class DbrxMapping implements Mapping {

  @Override
  public void keys(Config config, MetadataBuilder out) {
    Config attention = config.object("attn_config");
    Config ffn = config.object("ffn_config");
    ffn.object("ffn_act_fn").requireOneOf("name", "silu");
    ffn.require("moe_normalize_expert_weights", value -> value.asDouble(0) == 1, "must be 1");
    int heads = config.size("n_heads");
    int d = config.size("d_model");
    out.integer("context_length", config.size("max_seq_len"))
        .integer("embedding_length", d)
        .integer("block_count", config.size("n_layers"))
        .integer("feed_forward_length", ffn.size("ffn_hidden_size"))
        .integer("attention.head_count", heads)
        .integer("attention.head_count_kv", attention.size("kv_n_heads"))
        .integer("expert_count", ffn.size("moe_num_experts"))
        .integer("expert_used_count", ffn.size("moe_top_k"))
        .real("attention.layer_norm_epsilon", 1e-5);
    if (attention.has("clip_qkv")) {
      out.real("attention.clamp_kqv", attention.real("clip_qkv"));
    }
    rope(config).put(out, headWidth(config));
  }

  /** Returns RoPE, whose base is among the settings of attention. */
  private static Rope rope(Config config) {
    Rope rope = Rope.of(config);
    return rope.based(config.object("attn_config").real("rope_theta", rope.base()), rope.type());
  }

  private static int headWidth(Config config) {
    return config.size("d_model") / config.size("n_heads");
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("transformer.wte.weight", "token_embd.weight");
    map.takeLinear("transformer.norm_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", false);
    rope(config).addTensors(map, headWidth(config));
    int experts = config.object("ffn_config").size("moe_num_experts");
    for (int l = 0; l < config.size("n_layers"); l++) {
      String from = "transformer.blocks." + l + ".";
      String to = LlamaNames.to(l);
      map.takeLinear(from + "norm_attn_norm.norm_1", to + "attn_norm");
      map.takeLinear(from + "norm_attn_norm.attn.Wqkv", to + "attn_qkv");
      map.takeLinear(from + "norm_attn_norm.attn.out_proj", to + "attn_output");
      map.takeLinear(from + "norm_attn_norm.norm_2", to + "attn_output_norm");
      map.take(from + "ffn.router.layer.weight", to + "ffn_gate_inp.weight");
      String matrices = from + "ffn.experts.mlp.";
      map.takeSplit(matrices + "w1", experts, to + "ffn_gate_exps.weight");
      map.takeSplit(matrices + "v1", experts, to + "ffn_up_exps.weight");
      map.takeSplitColumns(matrices + "w2", experts, to + "ffn_down_exps.weight");
    }
  }
}

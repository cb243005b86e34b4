package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layouts;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * Falcon. Fused projections have, per key-value head, its queries, its key and its value; models of
 * the first architecture have one key-value head, or as many as query heads.
 */
public final class FalconMapping implements Mapping {
  private static final int CONTEXT = 2048;

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOff("alibi");
    config.require("parallel_attn", value -> value.asBoolean(false), "must be true");
    config.requireOneOf("activation", "gelu");
    int d = config.size("hidden_size");
    out.integer("context_length", config.size("max_position_embeddings", CONTEXT))
        .string("tensor_data_layout", "jploski") // queries, then keys, then values
        .integer("embedding_length", d)
        .integer("block_count", config.size("num_hidden_layers"))
        .integer("feed_forward_length", config.size("ffn_hidden_size", 4 * d))
        .integer("attention.head_count", config.size("num_attention_heads"))
        .integer("attention.head_count_kv", kvHeads(config));
    CommonKeys.layerNormEpsilon(config, out, "layer_norm_epsilon");
    Rope.of(config).put(out, CommonKeys.headWidth(config));
  }

  private static int kvHeads(Config config) {
    int heads = config.size("num_attention_heads");
    boolean one =
        !config.bool("new_decoder_architecture", false) && config.bool("multi_query", true);
    int kvHeads = one ? 1 : config.size("num_kv_heads", heads);
    if (heads % kvHeads != 0) {
      throw config.error(
          "num_kv_heads", Integer.toString(kvHeads), "must divide num_attention_heads " + heads);
    }
    return kvHeads;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("transformer.word_embeddings.weight", "token_embd.weight");
    map.takeLinear("transformer.ln_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", true);
    int heads = config.size("num_attention_heads");
    int kvHeads = kvHeads(config);
    int dH = CommonKeys.headWidth(config);
    Rope.of(config).addTensors(map, dH);
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = "transformer.h." + l + ".";
      String to = LlamaNames.to(l);
      if (map.has(from + "ln_mlp.weight")) {
        map.takeLinear(from + "ln_mlp", to + "attn_norm");
        map.takeLinear(from + "ln_attn", to + "attn_norm_2");
      } else {
        map.takeLinear(from + "input_layernorm", to + "attn_norm");
      }
      map.takeRows(
          from + "self_attention.query_key_value",
          to + "attn_qkv",
          (heads + 2 * kvHeads) * dH,
          Layouts.queriesThenKeysThenValues(heads, kvHeads, dH));
      map.takeLinear(from + "self_attention.dense", to + "attn_output");
      map.takeLinear(from + "mlp.dense_h_to_4h", to + "ffn_up");
      map.takeLinear(from + "mlp.dense_4h_to_h", to + "ffn_down");
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layouts;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** BLOOM: ALiBi, and a norm after the embedding. */
public final class BloomMapping implements Mapping {

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOff("apply_residual_connection_post_layernorm");
    int d = width(config);
    int heads = heads(config);
    out.integer("context_length", config.size("seq_length", 2048))
        .integer("embedding_length", d)
        .integer("block_count", layers(config))
        .integer("feed_forward_length", 4 * d)
        .integer("attention.head_count", heads)
        .integer("attention.head_count_kv", heads);
    CommonKeys.layerNormEpsilon(config, out, "layer_norm_epsilon");
  }

  private static int width(Config config) {
    return config.size(config.firstOf("hidden_size", "n_embed"));
  }

  private static int heads(Config config) {
    return config.size(config.firstOf("n_head", "num_attention_heads"));
  }

  private static int layers(Config config) {
    return config.size(config.firstOf("n_layer", "num_hidden_layers"));
  }

  /** Takes the tensors; checkpoints of the base model lack the prefix {@code transformer.}. */
  @Override
  public void tensors(Config config, TensorMap map) {
    String root = map.has("word_embeddings.weight") ? "" : "transformer.";
    map.take(root + "word_embeddings.weight", "token_embd.weight");
    map.takeLinear(root + "word_embeddings_layernorm", "token_embd_norm");
    map.takeLinear(root + "ln_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", true);
    int heads = heads(config);
    int dH = width(config) / heads;
    for (int l = 0; l < layers(config); l++) {
      String from = root + "h." + l + ".";
      String to = LlamaNames.to(l);
      map.takeLinear(from + "input_layernorm", to + "attn_norm");
      map.takeRows(
          from + "self_attention.query_key_value",
          to + "attn_qkv",
          3 * heads * dH,
          Layouts.queriesThenKeysThenValues(heads, heads, dH));
      map.takeLinear(from + "self_attention.dense", to + "attn_output");
      map.takeLinear(from + "post_attention_layernorm", to + "ffn_norm");
      map.takeLinear(from + "mlp.dense_h_to_4h", to + "ffn_up");
      map.takeLinear(from + "mlp.dense_4h_to_h", to + "ffn_down");
    }
  }
}

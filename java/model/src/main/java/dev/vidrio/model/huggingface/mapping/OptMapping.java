package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** OPT, whose table of positions begins with unused rows. */
public final class OptMapping implements Mapping {
  private static final int UNUSED_POSITIONS = 2;

  /** Default epsilon of PyTorch's LayerNorm, which configurations do not have. */
  private static final double EPSILON = 1e-5;

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("activation_function", "relu");
    config.require(
        "do_layer_norm_before", value -> value.asBoolean(false), "norms are before sublayers");
    config.requireOff("_remove_final_layer_norm");
    int d = config.size("hidden_size");
    config.require(
        "word_embed_proj_dim",
        value -> value.asInt(0) == d,
        "embeddings are as wide as hidden_size " + d);
    out.integer("context_length", config.size("max_position_embeddings"))
        .integer("embedding_length", d)
        .integer("block_count", config.size("num_hidden_layers"))
        .integer("feed_forward_length", config.size("ffn_dim"))
        .integer("attention.head_count", config.size("num_attention_heads"))
        .real("attention.layer_norm_epsilon", EPSILON);
  }

  /** Takes the tensors; checkpoints of the base model lack the prefix {@code model.}. */
  @Override
  public void tensors(Config config, TensorMap map) {
    String root = map.has("decoder.embed_tokens.weight") ? "decoder." : "model.decoder.";
    int positions = config.size("max_position_embeddings");
    map.take(root + "embed_tokens.weight", "token_embd.weight");
    map.takeRows(
        root + "embed_positions.weight",
        "position_embd.weight",
        positions + UNUSED_POSITIONS,
        positions,
        row -> row + UNUSED_POSITIONS);
    map.takeLinear(root + "final_layer_norm", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", true);
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = root + "layers." + l + ".";
      String to = LlamaNames.to(l);
      map.takeLinear(from + "self_attn_layer_norm", to + "attn_norm");
      for (String part : new String[] {"q", "k", "v"}) {
        map.takeLinear(from + "self_attn." + part + "_proj", to + "attn_" + part);
      }
      map.takeLinear(from + "self_attn.out_proj", to + "attn_output");
      map.takeLinear(from + "final_layer_norm", to + "ffn_norm");
      map.takeLinear(from + "fc1", to + "ffn_up");
      map.takeLinear(from + "fc2", to + "ffn_down");
    }
  }
}

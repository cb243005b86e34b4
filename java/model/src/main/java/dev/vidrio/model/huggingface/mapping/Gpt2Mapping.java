package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** GPT-2, whose checkpoints hold matrices as inputs × outputs. */
final class Gpt2Mapping implements Mapping {

  @Override
  public String architecture() {
    return "gpt2";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("activation_function", "gelu_new", "gelu_pytorch_tanh");
    config.requireOff("scale_attn_by_inverse_layer_idx");
    config.require(
        "scale_attn_weights", value -> value.asBoolean(false), "attention scores are scaled");
    int d = config.size("n_embd");
    int context = config.size(config.firstOf("n_positions", "n_ctx"));
    out.integer("gpt2.context_length", context)
        .integer("gpt2.embedding_length", d)
        .integer("gpt2.block_count", config.size("n_layer"))
        .integer("gpt2.feed_forward_length", config.size("n_inner", 4 * d))
        .integer("gpt2.attention.head_count", config.size("n_head"));
    Keys.layerNormEpsilon(config, out, "gpt2", "layer_norm_epsilon");
  }

  /** Checkpoints of the bare model leave out the prefix {@code transformer.}. */
  @Override
  public void tensors(Config config, TensorMap map) {
    String root = map.has("wte.weight") ? "" : "transformer.";
    map.take(root + "wte.weight", "token_embd.weight");
    map.take(root + "wpe.weight", "position_embd.weight");
    map.takeLinear(root + "ln_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", true);
    for (int l = 0; l < config.size("n_layer"); l++) {
      String from = root + "h." + l + ".";
      String to = LlamaNames.to(l);
      map.takeLinear(from + "ln_1", to + "attn_norm");
      map.takeTransposed(from + "attn.c_attn", to + "attn_qkv");
      map.takeTransposed(from + "attn.c_proj", to + "attn_output");
      map.takeLinear(from + "ln_2", to + "ffn_norm");
      map.takeTransposed(from + "mlp.c_fc", to + "ffn_up");
      map.takeTransposed(from + "mlp.c_proj", to + "ffn_down");
      map.ignore(from + "attn.bias"); // the causal mask
      map.ignore(from + "attn.masked_bias");
    }
  }
}

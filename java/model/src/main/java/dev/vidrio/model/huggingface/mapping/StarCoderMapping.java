package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** StarCoder, whose queries share one key and one value: GPT-2's names over plain matrices. */
final class StarCoderMapping implements Mapping {

  @Override
  public String architecture() {
    return "starcoder";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("activation_function", "gelu_pytorch_tanh", "gelu_new");
    config.require("multi_query", value -> value.asBoolean(false), "it must be true");
    config.require(
        "scale_attn_weights", value -> value.asBoolean(false), "attention scores are scaled");
    int d = config.size("n_embd");
    out.integer("starcoder.context_length", config.size("n_positions"))
        .integer("starcoder.embedding_length", d)
        .integer("starcoder.block_count", config.size("n_layer"))
        .integer("starcoder.feed_forward_length", config.size("n_inner", 4 * d))
        .integer("starcoder.attention.head_count", config.size("n_head"))
        .integer("starcoder.attention.head_count_kv", 1);
    Keys.layerNormEpsilon(config, out, "starcoder", "layer_norm_epsilon");
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("transformer.wte.weight", "token_embd.weight");
    map.take("transformer.wpe.weight", "position_embd.weight");
    map.takeLinear("transformer.ln_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", true);
    for (int l = 0; l < config.size("n_layer"); l++) {
      String from = "transformer.h." + l + ".";
      String to = LlamaNames.to(l);
      map.takeLinear(from + "ln_1", to + "attn_norm");
      map.takeLinear(from + "attn.c_attn", to + "attn_qkv");
      map.takeLinear(from + "attn.c_proj", to + "attn_output");
      map.takeLinear(from + "ln_2", to + "ffn_norm");
      map.takeLinear(from + "mlp.c_fc", to + "ffn_up");
      map.takeLinear(from + "mlp.c_proj", to + "ffn_down");
      map.ignore(from + "attn.bias"); // the causal mask
    }
  }
}

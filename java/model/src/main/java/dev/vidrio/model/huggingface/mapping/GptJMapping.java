package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** GPT-J: one LayerNorm a block, rotary pairs that are adjacent already. */
final class GptJMapping implements Mapping {

  @Override
  public String architecture() {
    return "gptj";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("activation_function", "gelu_new");
    int d = config.size("n_embd");
    out.integer("gptj.context_length", config.size("n_positions"))
        .integer("gptj.embedding_length", d)
        .integer("gptj.block_count", config.size("n_layer"))
        .integer("gptj.feed_forward_length", config.size("n_inner", 4 * d))
        .integer("gptj.attention.head_count", config.size("n_head"))
        .integer("gptj.rope.dimension_count", config.size("rotary_dim"));
    Keys.layerNormEpsilon(config, out, "gptj", "layer_norm_epsilon");
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("transformer.wte.weight", "token_embd.weight");
    map.takeLinear("transformer.ln_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", false);
    for (int l = 0; l < config.size("n_layer"); l++) {
      String from = "transformer.h." + l + ".";
      String to = LlamaNames.to(l);
      map.takeLinear(from + "ln_1", to + "attn_norm");
      for (String part : new String[] {"q", "k", "v"}) {
        map.takeLinear(from + "attn." + part + "_proj", to + "attn_" + part);
      }
      map.takeLinear(from + "attn.out_proj", to + "attn_output");
      map.takeLinear(from + "mlp.fc_in", to + "ffn_up");
      map.takeLinear(from + "mlp.fc_out", to + "ffn_down");
      map.ignore(from + "attn.bias"); // the causal mask
      map.ignore(from + "attn.masked_bias");
    }
  }
}

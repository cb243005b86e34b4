package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.ArrayList;
import java.util.List;

/** GPT-Neo, whose layers are local or global. */
final class GptNeoMapping implements Mapping {
  private static final String KINDS = "attention_layers";

  @Override
  public String architecture() {
    return "gpt_neo";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("activation_function", "gelu_new");
    int d = config.size("hidden_size");
    out.integer("gpt_neo.context_length", config.size("max_position_embeddings"))
        .integer("gpt_neo.embedding_length", d)
        .integer("gpt_neo.block_count", config.size("num_layers"))
        .integer("gpt_neo.feed_forward_length", config.size("intermediate_size", 4 * d))
        .integer("gpt_neo.attention.head_count", config.size("num_heads"))
        .integer("gpt_neo.attention.sliding_window", config.size("window_size", 256))
        .bools("gpt_neo.attention.sliding_window_pattern", local(config));
    Keys.layerNormEpsilon(config, out, "gpt_neo", "layer_norm_epsilon");
  }

  private static List<Boolean> local(Config config) {
    List<Boolean> local = new ArrayList<>();
    for (String kind : config.strings(KINDS)) {
      switch (kind) {
        case "local" -> local.add(true);
        case "global" -> local.add(false);
        default -> throw config.unsupported(KINDS, kind, "supported: local, global");
      }
    }
    if (local.size() != config.size("num_layers")) {
      throw config.error(KINDS, local.size() + " kinds", "must be " + config.size("num_layers"));
    }
    return local;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("transformer.wte.weight", "token_embd.weight");
    map.take("transformer.wpe.weight", "position_embd.weight");
    map.takeLinear("transformer.ln_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", true);
    for (int l = 0; l < config.size("num_layers"); l++) {
      String from = "transformer.h." + l + ".";
      String to = LlamaNames.to(l);
      map.takeLinear(from + "ln_1", to + "attn_norm");
      for (String part : new String[] {"q", "k", "v"}) {
        map.takeLinear(from + "attn.attention." + part + "_proj", to + "attn_" + part);
      }
      map.takeLinear(from + "attn.attention.out_proj", to + "attn_output");
      map.takeLinear(from + "ln_2", to + "ffn_norm");
      map.takeLinear(from + "mlp.c_fc", to + "ffn_up");
      map.takeLinear(from + "mlp.c_proj", to + "ffn_down");
      map.ignore(from + "attn.attention.bias"); // the causal mask
      map.ignore(from + "attn.attention.masked_bias");
    }
  }
}

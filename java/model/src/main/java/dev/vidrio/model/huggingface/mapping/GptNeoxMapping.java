package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layouts;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** GPT-NeoX and Pythia. */
public final class GptNeoxMapping implements Mapping {

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "gelu");
    CommonKeys.dimensions(config, out);
    out.remove("attention.head_count_kv"); // transformers does not read it here
    CommonKeys.layerNormEpsilon(config, out, "layer_norm_eps");
    out.bool("use_parallel_residual", config.bool("use_parallel_residual", true));
    rope(config).put(out, CommonKeys.headWidth(config));
  }

  private static Rope rope(Config config) {
    return Rope.of(config, 0.25);
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("gpt_neox.embed_in.weight", "token_embd.weight");
    map.takeLinear("gpt_neox.final_layer_norm", "output_norm");
    LlamaNames.unembedding(map, config, "embed_out", false);
    int heads = config.size("num_attention_heads");
    int dH = CommonKeys.headWidth(config);
    rope(config).addTensors(map, dH);
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = "gpt_neox.layers." + l + ".";
      String to = LlamaNames.to(l);
      map.takeLinear(from + "input_layernorm", to + "attn_norm");
      map.takeLinear(from + "post_attention_layernorm", to + "ffn_norm");
      map.takeRows(
          from + "attention.query_key_value",
          to + "attn_qkv",
          3 * heads * dH,
          Layouts.queriesThenKeysThenValues(heads, heads, dH));
      map.takeLinear(from + "attention.dense", to + "attn_output");
      map.takeLinear(from + "mlp.dense_h_to_4h", to + "ffn_up");
      map.takeLinear(from + "mlp.dense_4h_to_h", to + "ffn_down");
      map.ignore(from + "attention.bias"); // the causal mask
      map.ignore(from + "attention.masked_bias");
      map.ignore(from + "attention.rotary_emb.inv_freq");
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** EXAONE 3 and 3.5: Llama with other names. */
public final class ExaoneMapping implements Mapping {

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("activation_function", "silu");
    CommonKeys.dimensions(config, out);
    out.real(
        "attention.layer_norm_rms_epsilon",
        config.real(config.firstOf("layer_norm_epsilon", "rms_norm_eps"), 1e-5));
    Rope.of(config).put(out, CommonKeys.headWidth(config));
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("transformer.wte.weight", "token_embd.weight");
    map.takeLinear("transformer.ln_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", !map.has("lm_head.weight"));
    Rope.of(config).addTensors(map, CommonKeys.headWidth(config));
    for (int l = 0; l < CommonKeys.layers(config); l++) {
      String from = "transformer.h." + l + ".";
      String to = LlamaNames.to(l);
      map.takeLinear(from + "ln_1", to + "attn_norm");
      map.takeLinear(from + "ln_2", to + "ffn_norm");
      map.takeLinear(from + "attn.attention.q_proj", to + "attn_q");
      map.takeLinear(from + "attn.attention.k_proj", to + "attn_k");
      map.takeLinear(from + "attn.attention.v_proj", to + "attn_v");
      map.takeLinear(from + "attn.attention.out_proj", to + "attn_output");
      map.takeLinear(from + "mlp.c_fc_0", to + "ffn_gate");
      map.takeLinear(from + "mlp.c_fc_1", to + "ffn_up");
      map.takeLinear(from + "mlp.c_proj", to + "ffn_down");
      map.ignore(from + "attn.attention.rotary.inv_freq");
    }
  }
}

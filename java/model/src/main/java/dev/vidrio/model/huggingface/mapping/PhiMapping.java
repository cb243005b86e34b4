package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Phi 1, 1.5 and 2: one LayerNorm a block, biases everywhere. */
final class PhiMapping implements Mapping {

  @Override
  public String architecture() {
    return "phi2";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "gelu_new");
    config.requireOff("qk_layernorm");
    Keys.sizes(config, out, "phi2");
    Keys.layerNormEpsilon(config, out, "phi2", "layer_norm_eps");
    rope(config).put(out, "phi2", Keys.headWidth(config));
  }

  private static Rope rope(Config config) {
    return Rope.of(config, 0.5);
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.takeLinear("model.final_layernorm", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", false);
    rope(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      map.takeLinear(from + "input_layernorm", to + "attn_norm");
      map.takeLinear(from + "self_attn.q_proj", to + "attn_q");
      map.takeLinear(from + "self_attn.k_proj", to + "attn_k");
      map.takeLinear(from + "self_attn.v_proj", to + "attn_v");
      map.takeLinear(from + "self_attn.dense", to + "attn_output");
      map.takeLinear(from + "mlp.fc1", to + "ffn_up");
      map.takeLinear(from + "mlp.fc2", to + "ffn_down");
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** GLM-4: norms before and behind attention and feed-forward block, gate and up in one matrix. */
final class Glm4Mapping implements Mapping {

  @Override
  public String architecture() {
    return "glm4";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "glm4");
    Keys.rmsEpsilon(config, out, "glm4", 1.5625e-7);
    rope(config).put(out, "glm4", Keys.headWidth(config));
  }

  private static Rope rope(Config config) {
    Rope rope = Rope.of(config, 0.5);
    rope.scaling().require("mrope_section", value -> false, "positions must be numbers of tokens");
    return rope;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    rope(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      LlamaNames.norms(map, l);
      LlamaNames.attention(map, l);
      map.take(from + "post_self_attn_layernorm.weight", to + "post_attention_norm.weight");
      map.takeLinear(from + "mlp.gate_up_proj", to + "ffn_up");
      map.takeLinear(from + "mlp.down_proj", to + "ffn_down");
      map.take(from + "post_mlp_layernorm.weight", to + "post_ffw_norm.weight");
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * GLM-4: gate and up in one matrix; since 0414 norms before and behind attention and feed-forward
 * block.
 */
final class Glm4Mapping implements LayerMapping {
  private final String architecture;

  /**
   * @param architecture {@code glm4} or, of the first, {@code chatglm}
   */
  Glm4Mapping(String architecture) {
    this.architecture = architecture;
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, architecture);
    Keys.rmsEpsilon(config, out, architecture, 1.5625e-7);
    rope(config).put(out, architecture, Keys.headWidth(config));
  }

  @Override
  public Rope rope(Config config) {
    Rope rope = Rope.of(config, 0.5);
    rope.scaling().require("mrope_section", value -> false, "positions must be numbers of tokens");
    return rope;
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    map.takeLinear(from + "mlp.gate_up_proj", to + "ffn_up");
    map.takeLinear(from + "mlp.down_proj", to + "ffn_down");
    if (architecture.equals("glm4")) {
      map.take(from + "post_self_attn_layernorm.weight", to + "post_attention_norm.weight");
      map.take(from + "post_mlp_layernorm.weight", to + "post_ffw_norm.weight");
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** StableLM: LayerNorm, a part of each head turns, and in some models norms per head. */
final class StableLmMapping implements LayerMapping {

  @Override
  public String architecture() {
    return "stablelm";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "stablelm");
    Keys.layerNormEpsilon(config, out, "stablelm", config.firstOf("layer_norm_eps", "norm_eps"));
    out.bool("stablelm.use_parallel_residual", config.bool("use_parallel_residual", false));
    rope(config).put(out, "stablelm", Keys.headWidth(config));
  }

  @Override
  public Rope rope(Config config) {
    return Rope.of(config, 0.25);
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    int heads = config.size("num_attention_heads");
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    map.takeLinear(from + "input_layernorm", to + "attn_norm");
    if (map.has(from + "post_attention_layernorm.weight")) { // not in parallel blocks
      map.takeLinear(from + "post_attention_layernorm", to + "ffn_norm");
    }
    LlamaNames.attention(map, l);
    LlamaNames.gatedFfn(map, l);
    if (config.bool("qk_layernorm", false)) {
      map.takeStacked(
          from + "self_attn.q_layernorm.norms.%d.weight", heads, to + "attn_q_norm.weight");
      map.takeStacked(
          from + "self_attn.k_layernorm.norms.%d.weight",
          config.size("num_key_value_heads", heads),
          to + "attn_k_norm.weight");
    }
  }
}

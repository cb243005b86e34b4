package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Seed-OSS: Qwen 2 with another name for the second norm. */
final class SeedOssMapping implements LayerMapping {

  @Override
  public String architecture() {
    return "seed_oss";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "seed_oss");
    Keys.rmsEpsilon(config, out, "seed_oss");
    Rope.of(config).put(out, "seed_oss", Keys.headWidth(config));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    map.takeLinear(from + "input_layernorm", to + "attn_norm");
    map.takeLinear(from + "post_attention_layernorm", to + "post_attention_norm");
    LlamaNames.attention(map, l);
    LlamaNames.gatedFfn(map, l);
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** OLMo 2 and 3: norms behind attention and feed-forward block, none before. */
final class Olmo2Mapping implements Mapping {

  @Override
  public String architecture() {
    return "olmo2";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "olmo2");
    Keys.rmsEpsilon(config, out, "olmo2");
    Rope.of(config).put(out, "olmo2", Keys.headWidth(config));
    if (config.has("sliding_window")) {
      SlidingWindow.put(config, out, "olmo2", 4);
    }
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      LlamaNames.attention(map, l);
      LlamaNames.gatedFfn(map, l);
      LlamaNames.queryKeyNorms(map, l);
      map.take(from + "post_attention_layernorm.weight", to + "post_attention_norm.weight");
      map.take(from + "post_feedforward_layernorm.weight", to + "post_ffw_norm.weight");
    }
  }
}

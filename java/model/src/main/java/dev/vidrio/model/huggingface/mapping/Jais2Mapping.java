package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Jais 2: LayerNorm, biases, a plain feed-forward block of squared ReLU. */
final class Jais2Mapping implements LayerMapping {

  @Override
  public String architecture() {
    return "jais2";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "relu2");
    Keys.sizes(config, out, "jais2");
    Keys.layerNormEpsilon(config, out, "jais2", "layer_norm_eps");
    Rope.of(config).put(out, "jais2", Keys.headWidth(config));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    LlamaNames.plainFfn(map, l);
  }
}

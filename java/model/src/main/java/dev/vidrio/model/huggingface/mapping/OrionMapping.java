package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Orion 14B, whose config calls the epsilon of its LayerNorm by the name of another norm. */
final class OrionMapping implements LayerMapping {

  @Override
  public String architecture() {
    return "orion";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "orion");
    Keys.layerNormEpsilon(config, out, "orion", "rms_norm_eps");
    Rope.of(config).put(out, "orion", Keys.headWidth(config));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    LlamaNames.gatedFfn(map, l);
  }
}

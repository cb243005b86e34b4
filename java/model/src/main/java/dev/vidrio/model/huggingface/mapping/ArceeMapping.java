package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Arcee's AFM: Llama with a plain feed-forward block. */
final class ArceeMapping implements LayerMapping {

  @Override
  public String architecture() {
    return "arcee";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "relu2");
    Keys.sizes(config, out, "arcee");
    Keys.rmsEpsilon(config, out, "arcee", 1e-5);
    Rope.of(config).put(out, "arcee", Keys.headWidth(config));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.interleavedAttention(map, config, l);
    LlamaNames.plainFfn(map, l);
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** EXAONE 4: the tensors of OLMo 2; in the large one most layers have a sliding window. */
final class Exaone4Mapping implements Mapping {
  private static final int LAYERS_PER_FULL = 4;

  private final Olmo2Mapping tensors = new Olmo2Mapping("olmo2");

  @Override
  public String architecture() {
    return "exaone4";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "exaone4");
    Keys.rmsEpsilon(config, out, "exaone4", 1e-5);
    Rope.of(config).put(out, "exaone4", Keys.headWidth(config));
    if (config.has("sliding_window")) {
      SlidingWindow.put(config, out, "exaone4", LAYERS_PER_FULL);
    } else if (config.isNull("sliding_window")) {
      out.integer("exaone4.attention.sliding_window", 0); // a large model has one without the key
    } else {
      throw config.error("sliding_window", "", "is missing");
    }
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    tensors.tensors(config, map);
  }
}

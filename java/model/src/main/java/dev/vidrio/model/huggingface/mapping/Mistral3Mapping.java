package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Ministral 3: Llama whose queries grow with the position. */
final class Mistral3Mapping implements Mapping {

  @Override
  public String architecture() {
    return "mistral3";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.require("sliding_window", value -> false, "all tokens are attended to");
    Keys.sizes(config, out, "mistral3");
    Keys.rmsEpsilon(config, out, "mistral3", 1e-5);
    Rope rope = Rope.of(config);
    rope.put(out, "mistral3", Keys.headWidth(config));
    if (!rope.type().equals("yarn")) {
      throw rope.unsupported("yarn");
    }
    out.real("mistral3.attention.temperature_scale", rope.scaling().real("llama_4_scaling_beta"));
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      LlamaNames.norms(map, l);
      LlamaNames.interleavedAttention(map, config, l);
      LlamaNames.gatedFfn(map, l);
    }
  }
}

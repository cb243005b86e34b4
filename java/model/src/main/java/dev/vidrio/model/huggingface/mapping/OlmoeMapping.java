package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** OLMoE: Llama with experts, and normalized queries and keys. */
final class OlmoeMapping implements LayerMapping {

  @Override
  public String architecture() {
    return "olmoe";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.require("clip_qkv", value -> false, "it must be null");
    Keys.sizes(config, out, "olmoe");
    Keys.rmsEpsilon(config, out, "olmoe", 1e-5);
    Rope.of(config).put(out, "olmoe", Keys.headWidth(config));
    ExpertNames.counts(config, out, "olmoe");
    out.bool("olmoe.expert_weights_norm", config.bool("norm_topk_prob", false));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    LlamaNames.queryKeyNorms(map, l);
    ExpertNames.routed(config, map, l);
  }
}

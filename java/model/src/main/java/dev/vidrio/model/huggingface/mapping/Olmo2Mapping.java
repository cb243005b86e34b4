package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** OLMo 2 and 3, and FlexOlmo: norms behind attention and feed-forward block, none before. */
final class Olmo2Mapping implements LayerMapping {

  private final String architecture;

  /**
   * @param architecture {@code olmo2} or {@code flex_olmo}
   */
  Olmo2Mapping(String architecture) {
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
    Keys.rmsEpsilon(config, out, architecture);
    if (isMixture()) {
      Rope.requireBase(config);
      ExpertNames.counts(config, out, architecture);
      boolean normalized = config.bool("norm_topk_prob", false);
      out.bool(architecture + ".expert_weights_norm", normalized);
    } else if (config.has("sliding_window")) {
      SlidingWindow.put(config, out, architecture, 4);
    }
    Rope.of(config).put(out, architecture, Keys.headWidth(config));
  }

  private boolean isMixture() {
    return architecture.equals("flex_olmo");
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    LlamaNames.attention(map, l);
    if (isMixture()) {
      ExpertNames.routed(config, map, l);
    } else {
      LlamaNames.gatedFfn(map, l);
    }
    LlamaNames.queryKeyNorms(map, l);
    map.take(from + "post_attention_layernorm.weight", to + "post_attention_norm.weight");
    map.take(from + "post_feedforward_layernorm.weight", to + "post_ffw_norm.weight");
  }
}

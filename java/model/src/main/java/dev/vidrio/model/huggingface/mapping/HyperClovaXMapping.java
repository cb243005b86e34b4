package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** HyperCLOVA X Think, with norms after sublayers unless the config says otherwise. */
final class HyperClovaXMapping implements LayerMapping {
  private static final String SCORES = "attention_multiplier";

  @Override
  public String architecture() {
    return "hyperclovax";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    int dH = Keys.headWidth(config);
    Keys.sizes(config, out, "hyperclovax");
    Keys.rmsEpsilon(config, out, "hyperclovax");
    Rope.of(config).put(out, "hyperclovax", dH);
    out.real("hyperclovax.attention.scale", config.real(SCORES, 1 / Math.sqrt(dH)))
        .real("hyperclovax.embedding_scale", config.real("embedding_multiplier", 1))
        .real("hyperclovax.residual_scale", config.real("residual_multiplier", 1))
        .real("hyperclovax.logit_scale", config.real("logits_scaling", 1));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    LlamaNames.gatedFfn(map, l);
    if (config.bool("use_post_norm", true)) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      map.take(from + "post_norm1.weight", to + "post_attention_norm.weight");
      map.take(from + "post_norm2.weight", to + "post_ffw_norm.weight");
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** OLMo: Llama whose norms have neither gain nor bias. */
final class OlmoMapping implements Mapping {

  @Override
  public String architecture() {
    return "olmo";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "olmo");
    out.real("olmo.attention.layer_norm_epsilon", 1e-5); // which transformers has as a constant
    Rope.of(config).put(out, "olmo", Keys.headWidth(config));
    if (config.has("clip_qkv")) {
      out.real("olmo.attention.clamp_kqv", config.real("clip_qkv"));
    }
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    LlamaNames.unembedding(map, config, "lm_head", false);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      LlamaNames.interleavedAttention(map, config, l);
      LlamaNames.gatedFfn(map, l);
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Nemotron, whose norms multiply by 1 + gain; GGUF files hold the sum. */
final class NemotronMapping implements Mapping {

  @Override
  public String architecture() {
    return "nemotron";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "relu2");
    Keys.sizes(config, out, "nemotron");
    Keys.layerNormEpsilon(config, out, "nemotron", "norm_eps");
    rope(config).put(out, "nemotron", Keys.headWidth(config));
  }

  private static Rope rope(Config config) {
    return Rope.of(config, 0.5);
  }

  private static void norm(TensorMap map, String from, String to) {
    map.takePlusOne(from + ".weight", to + ".weight");
    map.take(from + ".bias", to + ".bias");
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    norm(map, "model.norm", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", false);
    rope(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      norm(map, LlamaNames.from(l) + "input_layernorm", LlamaNames.to(l) + "attn_norm");
      norm(map, LlamaNames.from(l) + "post_attention_layernorm", LlamaNames.to(l) + "ffn_norm");
      LlamaNames.attention(map, l);
      LlamaNames.plainFfn(map, l);
    }
  }
}

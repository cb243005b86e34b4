package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** StarCoder 2: LayerNorm, biases, a plain feed-forward block. */
final class StarCoder2Mapping implements Mapping {

  @Override
  public String architecture() {
    return "starcoder2";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "gelu_pytorch_tanh");
    Keys.sizes(config, out, "starcoder2");
    Keys.layerNormEpsilon(config, out, "starcoder2", "norm_epsilon");
    Rope.of(config).put(out, "starcoder2", Keys.headWidth(config));
    if (config.has("sliding_window")) {
      out.integer("starcoder2.attention.sliding_window", config.size("sliding_window"));
    }
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.takeLinear("model.norm", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", true);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      LlamaNames.norms(map, l);
      LlamaNames.attention(map, l);
      map.takeLinear(LlamaNames.from(l) + "mlp.c_fc", LlamaNames.to(l) + "ffn_up");
      map.takeLinear(LlamaNames.from(l) + "mlp.c_proj", LlamaNames.to(l) + "ffn_down");
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** nanochat, whose norms have no gains. */
final class NanoChatMapping implements Mapping {
  private static final String CAP = "final_logit_softcapping";

  @Override
  public String architecture() {
    return "nanochat";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "relu2");
    Keys.sizes(config, out, "nanochat");
    Keys.rmsEpsilon(config, out, "nanochat");
    Rope.of(config).put(out, "nanochat", Keys.headWidth(config));
    out.real("nanochat." + CAP, config.isNull(CAP) ? 0 : config.real(CAP, 15));
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    LlamaNames.unembedding(map, config, "lm_head", false);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      LlamaNames.attention(map, l);
      map.takeLinear(LlamaNames.from(l) + "mlp.fc1", LlamaNames.to(l) + "ffn_up");
      map.takeLinear(LlamaNames.from(l) + "mlp.fc2", LlamaNames.to(l) + "ffn_down");
    }
  }
}

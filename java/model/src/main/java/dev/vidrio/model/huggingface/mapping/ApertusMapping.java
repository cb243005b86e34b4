package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;

/** Apertus: norms of queries and keys, and activations with parameters, which GGUF has as keys. */
final class ApertusMapping implements LayerMapping {

  @Override
  public String architecture() {
    return "apertus";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "xielu");
    Keys.sizes(config, out, "apertus");
    Keys.rmsEpsilon(config, out, "apertus", 1e-5);
    Rope.requireBase(config);
    Rope.of(config).put(out, "apertus", Keys.headWidth(config));
  }

  @Override
  public void keysOfTensors(Config config, CheckpointMap map, MetadataBuilder out) {
    for (String name : List.of("alpha_p", "alpha_n", "beta", "eps")) {
      var values = new float[config.size("num_hidden_layers")];
      for (int l = 0; l < values.length; l++) {
        values[l] = map.number(LlamaNames.from(l) + "mlp.act_fn." + name);
      }
      out.reals("xielu." + name, values);
    }
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    map.takeLinear(from + "attention_layernorm", to + "attn_norm");
    map.takeLinear(from + "feedforward_layernorm", to + "ffn_norm");
    LlamaNames.attention(map, l);
    LlamaNames.plainFfn(map, l);
    LlamaNames.queryKeyNorms(map, l);
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Phi-3: fused projections, and factors of the frequencies for short and for long contexts. */
final class Phi3Mapping implements Mapping {

  @Override
  public String architecture() {
    return "phi3";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "phi3");
    Keys.rmsEpsilon(config, out, "phi3");
    out.integer(
        "phi3.attention.sliding_window",
        config.has("sliding_window") ? config.size("sliding_window") : 0);
    Rope rope = Rope.of(config, 1);
    if (isLong(rope)) {
      out.integer("phi3.rope.dimension_count", rope.dimensions(Keys.headWidth(config)))
          .real("phi3.rope.freq_base", rope.base())
          .string("phi3.rope.scaling.type", "longrope")
          .integer("phi3.rope.scaling.original_context_length", original(config))
          .real("phi3.rope.scaling.attn_factor", magnitude(config, rope));
    } else {
      rope.put(out, "phi3", Keys.headWidth(config));
    }
  }

  private static boolean isLong(Rope rope) {
    return rope.type().equals("longrope") || rope.type().equals("su");
  }

  private static int original(Config config) {
    Config scaling = Rope.of(config, 1).scaling();
    String key = "original_max_position_embeddings";
    return scaling.has(key)
        ? scaling.size(key)
        : config.size(key, config.size("max_position_embeddings"));
  }

  /** What cosine and sine are multiplied by (LongRoPE: arXiv 2402.13753). */
  private static double magnitude(Config config, Rope rope) {
    double original = original(config);
    double scale = config.size("max_position_embeddings") / original;
    return rope.scaling()
        .real(
            "attention_factor",
            scale > 1 ? Math.sqrt(1 + Math.log(scale) / Math.log(original)) : 1);
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    Rope rope = Rope.of(config, 1);
    if (isLong(rope)) {
      int pairs = rope.dimensions(Keys.headWidth(config)) / 2;
      map.addVector("rope_factors_long.weight", factors(rope, "long_factor", pairs));
      map.addVector("rope_factors_short.weight", factors(rope, "short_factor", pairs));
    }
    rope.addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      LlamaNames.norms(map, l);
      map.takeLinear(from + "self_attn.qkv_proj", to + "attn_qkv");
      LlamaNames.output(map, l);
      map.takeLinear(from + "mlp.gate_up_proj", to + "ffn_up");
      map.takeLinear(from + "mlp.down_proj", to + "ffn_down");
    }
  }

  private static float[] factors(Rope rope, String key, int pairs) {
    float[] factors = rope.scaling().reals(key);
    if (factors.length != pairs) {
      throw rope.scaling().error(key, factors.length + " factors", "must be " + pairs);
    }
    return factors;
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * Phi-3: fused projections, and factors of the frequencies for short and for long contexts. Phi-3.5
 * MoE has projections of their own, and experts.
 */
final class Phi3Mapping implements Mapping {
  private static final double JITTER = 0.01;

  private final String architecture;
  private final boolean isMixture;

  /**
   * @param architecture {@code phi3} or {@code phimoe}
   */
  Phi3Mapping(String architecture) {
    this.architecture = architecture;
    this.isMixture = architecture.equals("phimoe");
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    String prefix = architecture + ".";
    Keys.sizes(config, out, architecture);
    if (isMixture) {
      Rope.requireBase(config);
    }
    Keys.rmsEpsilon(config, out, architecture, isMixture ? 1e-5 : 1e-6);
    out.integer(
        prefix + "attention.sliding_window",
        config.has("sliding_window") ? config.size("sliding_window") : 0);
    Rope rope = Rope.of(config, 1);
    int dH = Keys.headWidth(config);
    if (isMixture && LongRope.is(rope)) {
      LongRope.put(rope, config, out, architecture, dH, magnitude(rope));
    } else {
      LongRope.put(rope, config, out, architecture, dH);
    }
    if (isMixture) {
      config.require(
          "router_jitter_noise", value -> value.asDouble(0) == JITTER, "it must be " + JITTER);
      ExpertNames.counts(config, out, architecture);
    }
  }

  /** What cosine and sine are multiplied by. */
  private static double magnitude(Rope rope) {
    double shorter = rope.scaling().real("short_mscale");
    rope.scaling()
        .require("long_mscale", value -> value.asDouble(0) == shorter, "it must be " + shorter);
    return shorter;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    LongRope.addTensors(Rope.of(config, 1), map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      LlamaNames.norms(map, l);
      if (isMixture) {
        LlamaNames.attention(map, l);
        ExpertNames.sparse(config, map, l);
        continue;
      }
      map.takeLinear(from + "self_attn.qkv_proj", to + "attn_qkv");
      LlamaNames.output(map, l);
      map.takeLinear(from + "mlp.gate_up_proj", to + "ffn_up");
      map.takeLinear(from + "mlp.down_proj", to + "ffn_down");
    }
  }
}

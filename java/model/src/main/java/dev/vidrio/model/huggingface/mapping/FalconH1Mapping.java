package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.Arrays;

/** Falcon-H1. Multipliers of activations are part of the weights in GGUF files. */
public final class FalconH1Mapping {
  private static final String WIDTH = "mamba_d_ssm";
  private static final String NORM = "mamba_rms_norm";
  private static final String NORM_FIRST = "mamba_norm_before_gate";
  private static final String EMBEDDING = "embedding_multiplier";
  private static final String LOGITS = "lm_head_multiplier";
  private static final String TIED = "tie_word_embeddings";

  /** The mapping; weights hold the multipliers of activations, which adapters lack. */
  public static final MappingSpec SPEC =
      MappingSpec.of(
              LayerTensors.linear("input_layernorm", "attn_norm"),
              LayerTensors.tensor("pre_ff_layernorm.weight", "ffn_norm"),
              FalconH1Mapping::attention,
              (config, layer, l) -> mamba(config, layer.in("mamba.", "")),
              FalconH1Mapping::ffn)
          .off("attention_bias", "mlp_bias", "projectors_bias")
          .check(FalconH1Mapping::check)
          .rmsEpsilon(1e-5)
          .keys((config, out) -> mamba(config).keys(config, out))
          .modules("embed_tokens", "final_layernorm", "layers.")
          .embedding((config, map, from, to) -> scaled(map, from, to, factor(config, EMBEDDING)))
          .tied(false)
          .head((config, map, from, to) -> scaled(map, from, to, factor(config, LOGITS)))
          .withoutAdapters();

  private FalconH1Mapping() {}

  private static void check(Config config) {
    if (normalizes(config) && config.bool(NORM_FIRST, true)) {
      throw config.unsupported(NORM_FIRST, "true", "with " + NORM + " it must be false");
    }
    if (config.bool(TIED, false) && factor(config, EMBEDDING) != factor(config, LOGITS)) {
      throw config.unsupported(
          TIED, "true", "then " + EMBEDDING + " and " + LOGITS + " must be equal");
    }
  }

  private static boolean normalizes(Config config) {
    return config.bool(NORM, false);
  }

  private static Mamba2Names mamba(Config config) {
    int width =
        config.has(WIDTH)
            ? config.size(WIDTH)
            : Math.multiplyExact(config.size("mamba_expand", 2), config.size("hidden_size"));
    return Mamba2Names.ofWidth(config, width);
  }

  private static double factor(Config config, String key) {
    return config.real(key, 1);
  }

  private static float[] factors(Config config, String key, int count) {
    var factors = new float[count];
    Arrays.fill(factors, 1);
    if (config.has(key)) {
      factors = config.reals(key);
    }
    if (factors.length != count) {
      throw config.error(key, Arrays.toString(factors), "must be " + count + " numbers");
    }
    return factors;
  }

  private static void attention(Config config, TensorMap layer, int index) {
    double in = factor(config, "attention_in_multiplier");
    double out = factor(config, "attention_out_multiplier");
    scaled(layer, "self_attn.q_proj", "attn_q", in);
    scaled(layer, "self_attn.k_proj", "attn_k", in * factor(config, "key_multiplier"));
    scaled(layer, "self_attn.v_proj", "attn_v", in);
    scaled(layer, "self_attn.o_proj", "attn_output", out);
  }

  private static void ffn(Config config, TensorMap layer, int index) {
    float[] factors = factors(config, "mlp_multipliers", 2);
    scaled(layer, "feed_forward.gate_proj", "ffn_gate", factors[0]);
    scaled(layer, "feed_forward.up_proj", "ffn_up", 1);
    scaled(layer, "feed_forward.down_proj", "ffn_down", factors[1]);
  }

  /** Takes Mamba 2; rows of the first projection are gates, x, B, C and steps. */
  private static void mamba(Config config, TensorMap module) {
    Mamba2Names names = mamba(config);
    double in = factor(config, "ssm_in_multiplier");
    float[] parts = factors(config, "ssm_multipliers", 5);
    int x = names.width();
    int b = 2 * x;
    int c = b + names.keyWidth();
    int steps = c + names.keyWidth();
    module.take(
        "in_proj.weight",
        "ssm_in.weight",
        Layout.scaled(
            steps + names.heads(),
            row -> in * parts[row < x ? 0 : row < b ? 1 : row < c ? 2 : row < steps ? 3 : 4]));
    names.states(module);
    if (normalizes(config)) {
      names.norm(module);
    }
    scaled(module, "out_proj", "ssm_out", factor(config, "ssm_out_multiplier"));
  }

  private static void scaled(TensorMap map, String from, String to, double factor) {
    Layout layout = factor == 1 ? Layout.AS_IS : Layout.scaled(0, row -> factor);
    map.take(from + ".weight", to + ".weight", layout);
  }
}

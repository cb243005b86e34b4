package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.Arrays;
import java.util.List;

/** Falcon-H1, whose multipliers of activations are part of the weights in GGUF files. */
public final class FalconH1Mapping implements Mapping {
  private static final String WIDTH = "mamba_d_ssm";
  private static final String NORM = "mamba_rms_norm";
  private static final String NORM_FIRST = "mamba_norm_before_gate";
  private static final String PROJECTION = "ssm_multipliers";
  private static final String FFN = "mlp_multipliers";
  private static final String EMBEDDING = "embedding_multiplier";
  private static final String LOGITS = "lm_head_multiplier";
  private static final String TIED = "tie_word_embeddings";

  @Override
  public boolean mapsAdapters() {
    return false; // weights hold the multipliers of activations
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    for (String bias : List.of("attention_bias", "mlp_bias", "projectors_bias")) {
      config.requireOff(bias);
    }
    if (normalizes(config) && config.bool(NORM_FIRST, true)) {
      throw config.unsupported(NORM_FIRST, "true", "with " + NORM + " it must be false");
    }
    if (config.bool(TIED, false) && factor(config, EMBEDDING) != factor(config, LOGITS)) {
      throw config.unsupported(
          TIED, "true", "then " + EMBEDDING + " and " + LOGITS + " must be equal");
    }
    CommonKeys.dimensions(config, out);
    CommonKeys.rmsEpsilon(config, out, 1e-5);
    Rope.of(config).put(out, CommonKeys.headWidth(config));
    mamba(config).keys(config, out);
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

  @Override
  public void tensors(Config config, TensorMap map) {
    scaled(map, "model.embed_tokens", "token_embd", factor(config, EMBEDDING));
    map.take("model.final_layernorm.weight", "output_norm.weight");
    if (config.bool(TIED, false)) {
      map.ignore("lm_head.weight");
    } else {
      scaled(map, "lm_head", "output", factor(config, LOGITS));
    }
    Rope.of(config).addTensors(map, CommonKeys.headWidth(config));
    for (int l = 0; l < CommonKeys.layers(config); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      map.take(from + "input_layernorm.weight", to + "attn_norm.weight");
      map.take(from + "pre_ff_layernorm.weight", to + "ffn_norm");
      attention(config, map, from + "self_attn.", to);
      mamba(config, map, from + "mamba.", to);
      float[] ffn = factors(config, FFN, 2);
      scaled(map, from + "feed_forward.gate_proj", to + "ffn_gate", ffn[0]);
      scaled(map, from + "feed_forward.up_proj", to + "ffn_up", 1);
      scaled(map, from + "feed_forward.down_proj", to + "ffn_down", ffn[1]);
    }
  }

  private static void attention(Config config, TensorMap map, String from, String to) {
    double in = factor(config, "attention_in_multiplier");
    scaled(map, from + "q_proj", to + "attn_q", in);
    scaled(map, from + "k_proj", to + "attn_k", in * factor(config, "key_multiplier"));
    scaled(map, from + "v_proj", to + "attn_v", in);
    scaled(map, from + "o_proj", to + "attn_output", factor(config, "attention_out_multiplier"));
  }

  /** Takes Mamba 2; rows of the first projection are gates, x, B, C and steps. */
  private static void mamba(Config config, TensorMap map, String from, String to) {
    Mamba2Names names = mamba(config);
    double in = factor(config, "ssm_in_multiplier");
    float[] parts = factors(config, PROJECTION, 5);
    int x = names.width();
    int b = 2 * x;
    int c = b + names.keyWidth();
    int steps = c + names.keyWidth();
    map.takeScaled(
        from + "in_proj.weight",
        to + "ssm_in.weight",
        steps + names.heads(),
        row -> in * parts[row < x ? 0 : row < b ? 1 : row < c ? 2 : row < steps ? 3 : 4]);
    names.states(map, from, to);
    if (normalizes(config)) {
      names.norm(map, from, to);
    }
    scaled(map, from + "out_proj", to + "ssm_out", factor(config, "ssm_out_multiplier"));
  }

  private static void scaled(TensorMap map, String from, String to, double factor) {
    if (factor == 1) {
      map.take(from + ".weight", to + ".weight");
    } else {
      map.takeScaled(from + ".weight", to + ".weight", 0, row -> factor);
    }
  }
}

package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.Arrays;
import java.util.Map;

/** Gemma 3n: parallel residual streams, per-layer inputs, sparse gates. */
public final class Gemma3nMapping implements Mapping {
  private static final int PERIOD = 5;
  private static final int SPARSE_LAYERS = 10;
  private static final double SPARSITY = 0.95;
  private static final String SPARSITIES = "activation_sparsity_pattern";
  private static final String SHARED = "num_kv_shared_layers";
  private static final String CAP = "final_logit_softcapping";
  private static final String WIDTHS = "intermediate_size";

  /** Defaults of transformers. */
  private static final Map<String, Integer> USUAL =
      Map.of(
          "vocab_size", 262_400,
          "vocab_size_per_layer_input", 262_144,
          "hidden_size_per_layer_input", 256,
          "altup_num_inputs", 4,
          "sliding_window", 512,
          "rope_theta", 1_000_000,
          "rope_local_base_freq", 10_000);

  @Override
  public void keys(Config said, MetadataBuilder out) {
    Config config = said.withDefaults(USUAL);
    config.requireOneOf("hidden_activation", "gelu_pytorch_tanh");
    config.requireOff("attention_bias");
    config.require("altup_correct_scale", value -> value.asBoolean(false), "must be true");
    config.require("altup_active_idx", value -> value.asInt(-1) == 0, "must be 0");
    CommonKeys.dimensionsWithoutFfn(config, out);
    CommonKeys.rmsEpsilon(config, out, 1e-6);
    Rope.of(config).put(out, CommonKeys.headWidth(config));
    SlidingWindow.put(config, out, PERIOD);
    int layers = CommonKeys.layers(config);
    if (config.isArray(WIDTHS)) {
      out.integers("feed_forward_length", config.integers(WIDTHS));
    } else {
      out.integer("feed_forward_length", config.size(WIDTHS));
    }
    out.integer("attention.shared_kv_layers", config.integer(SHARED, 0, layers - 1))
        .integer("embedding_length_per_layer_input", perLayerWidth(config))
        .integer("altup.active_idx", 0)
        .integer("altup.num_inputs", config.size("altup_num_inputs"))
        .reals("activation_sparsity_scale", deviations(config, layers));
    if (config.has(CAP)) {
      out.real(CAP, config.real(CAP));
    } else if (config.isNull(CAP)) {
      out.real(CAP, 0);
    }
  }

  private static int perLayerWidth(Config config) {
    return config.size("hidden_size_per_layer_input");
  }

  /**
   * Returns the threshold of gates per layer in standard deviations above the mean, from shares of
   * zeros.
   */
  private static float[] deviations(Config config, int layers) {
    var shares = new float[layers];
    if (config.has(SPARSITIES)) {
      shares = config.reals(SPARSITIES);
    } else if (layers > SPARSE_LAYERS) {
      Arrays.fill(shares, 0, SPARSE_LAYERS, (float) SPARSITY);
    }
    var deviations = new float[shares.length];
    for (int l = 0; l < shares.length; l++) {
      if (!(shares[l] >= 0 && shares[l] < 1)) {
        throw config.error(SPARSITIES, Float.toString(shares[l]), "must be from 0 to below 1");
      }
      deviations[l] = (float) quantile(shares[l]);
    }
    return deviations;
  }

  /** Returns the quantile p of the normal distribution. */
  private static double quantile(double p) {
    if (p == 0) {
      return Double.NEGATIVE_INFINITY;
    }
    double low = -40;
    double high = 40;
    while (true) {
      double middle = (low + high) / 2;
      double share = share(middle);
      if (share == p || middle == low || middle == high) {
        return middle;
      }
      if (share < p) {
        low = middle;
      } else {
        high = middle;
      }
    }
  }

  /** Returns the cumulative normal distribution at x (Abramowitz and Stegun, 26.2.11). */
  private static double share(double x) {
    double term = x;
    double sum = x;
    for (int k = 1; Math.abs(term) > Math.ulp(sum); k++) {
      term *= x * x / (2 * k + 1);
      sum += term;
    }
    return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  }

  @Override
  public void tensors(Config said, TensorMap map) {
    Config config = said.withDefaults(USUAL);
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.take("model.norm.weight", "output_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", true);
    Rope.of(config).addTensors(map, CommonKeys.headWidth(config));
    perLayerTable(config, map);
    map.take("model.per_layer_model_projection.weight", "per_layer_model_proj.weight");
    map.take("model.per_layer_projection_norm.weight", "per_layer_proj_norm.weight");
    int others = config.size("altup_num_inputs") - 1;
    map.takeStacked("model.altup_projections.%d.weight", others, "altup_proj.weight");
    map.takeStacked(
        "model.altup_unembed_projections.%d.weight", others, "altup_unembd_proj.weight");
    int layers = CommonKeys.layers(config);
    int own = layers - (config.has(SHARED) ? config.integer(SHARED, 0, layers - 1) : 0);
    for (int l = 0; l < layers; l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      Gemma4Mapping.attention(map, from + "self_attn.", to, l < own, false);
      Gemma4Mapping.norms(map, from, to);
      LlamaNames.gatedFfn(config, map, l);
      Gemma4Mapping.perLayerInputs(map, from, to);
      streams(map, from + "altup.", to + "altup_");
      map.takeLinear(from + "laurel.linear_left", to + "laurel_l");
      map.takeLinear(from + "laurel.linear_right", to + "laurel_r");
      map.takeLinear(from + "laurel.post_laurel_norm", to + "laurel_post_norm");
    }
  }

  /**
   * Takes the per-layer table; the last tokens, placeholders of images and audio, have the row of
   * token 0.
   */
  private static void perLayerTable(Config config, TensorMap map) {
    String from = "model.embed_tokens_per_layer.weight";
    String to = "per_layer_token_embd.weight";
    int vocabulary = config.size("vocab_size");
    int rows = config.size("vocab_size_per_layer_input");
    if (rows == vocabulary) {
      map.take(from, to);
    } else {
      map.takeRows(from, to, rows, vocabulary, row -> row < rows ? row : 0);
    }
  }

  private static void streams(TensorMap map, String from, String to) {
    map.take(from + "correct_output_scale", to + "correct_scale.weight");
    map.takeLinear(from + "correction_coefs", to + "correct_coef");
    map.takeLinear(from + "prediction_coefs", to + "predict_coef");
    map.takeLinear(from + "modality_router", to + "router");
    map.takeLinear(from + "router_norm", to + "router_norm");
  }
}

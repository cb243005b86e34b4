package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.Arrays;
import java.util.Map;

/** Gemma 3n: parallel residual streams, per-layer inputs, sparse gates. */
public final class Gemma3nMapping {
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

  /** The mapping. */
  public static final MappingSpec SPEC =
      MappingSpec.of(
              Gemma3nMapping::attention,
              Gemma4Mapping::norms,
              LlamaNames::gatedFfn,
              Gemma4Mapping::perLayerInputs,
              LayerTensors.tensor("altup.correct_output_scale", "altup_correct_scale.weight"),
              LayerTensors.linear("altup.correction_coefs", "altup_correct_coef"),
              LayerTensors.linear("altup.prediction_coefs", "altup_predict_coef"),
              LayerTensors.linear("altup.modality_router", "altup_router"),
              LayerTensors.linear("altup.router_norm", "altup_router_norm"),
              LayerTensors.linear("laurel.linear_left", "laurel_l"),
              LayerTensors.linear("laurel.linear_right", "laurel_r"),
              LayerTensors.linear("laurel.post_laurel_norm", "laurel_post_norm"))
          .defaults(USUAL)
          .activation("hidden_activation", "gelu_pytorch_tanh")
          .off("attention_bias")
          .on("altup_correct_scale")
          .check(config -> config.requireNumber("altup_active_idx", 0))
          .dimensions(CommonKeys::dimensionsWithoutFfn)
          .keys(SlidingWindow.every(PERIOD), Gemma3nMapping::keys)
          .tied(true)
          .tensors(Gemma3nMapping::outside);

  private Gemma3nMapping() {}

  private static void keys(Config config, MetadataBuilder out) {
    int layers = config.size("num_hidden_layers");
    if (config.isArray(WIDTHS)) {
      out.integers("feed_forward_length", config.integers(WIDTHS));
    } else {
      out.integer("feed_forward_length", config.size(WIDTHS));
    }
    out.integer("attention.shared_kv_layers", config.integer(SHARED, 0, layers - 1))
        .integer("embedding_length_per_layer_input", config.size("hidden_size_per_layer_input"))
        .integer("altup.active_idx", 0)
        .integer("altup.num_inputs", streams(config))
        .reals("activation_sparsity_scale", deviations(config, layers));
    if (config.has(CAP)) {
      out.real(CAP, config.real(CAP));
    } else if (config.isNull(CAP)) {
      out.real(CAP, 0);
    }
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

  private static void attention(Config config, TensorMap layer, int index) {
    int own = config.size("num_hidden_layers") - Gemma4Mapping.sharedLayers(config);
    Gemma4Mapping.attention(layer, index < own, false);
  }

  private static int streams(Config config) {
    return config.integer("altup_num_inputs", 2, Config.MAX_SIZE);
  }

  private static void outside(Config config, TensorMap model) {
    perLayerTable(config, model);
    Gemma4Mapping.perLayerProjections(model);
    int others = streams(config) - 1;
    model.takeStacked("altup_projections.%d.weight", others, "altup_proj.weight");
    model.takeStacked("altup_unembed_projections.%d.weight", others, "altup_unembd_proj.weight");
  }

  /**
   * Takes the per-layer table; the last tokens, placeholders of images and audio, have the row of
   * token 0.
   */
  private static void perLayerTable(Config config, TensorMap model) {
    int vocabulary = config.size("vocab_size");
    int rows = config.size("vocab_size_per_layer_input");
    model.take(
        "embed_tokens_per_layer.weight",
        "per_layer_token_embd.weight",
        rows == vocabulary
            ? Layout.AS_IS
            : Layout.rows(rows, vocabulary, row -> row < rows ? row : 0));
  }
}

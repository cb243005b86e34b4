package dev.vidrio.lens.decode.sae;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of a sparse autoencoder or transcoder, as in {@code cfg.json} of SAELens.
 *
 * @param activation the activation function of features
 * @param transcoder whether the output is a different activation than the input
 * @param skip whether a transcoder also has a linear map from input to output
 * @param dIn width of the input
 * @param dSae number of features
 * @param dOut width of the output
 * @param k number of active features per token; 0 if it is variable
 * @param pursuit the steps of {@link Activation#MATCHING_PURSUIT}, or null
 * @param biasFromInput whether the decoder's bias is subtracted from the input
 * @param normalization of the input, reverted in the output
 * @param rescaled whether activations are multiplied by the norm of the decoder's rows before the
 *     largest are selected, and divided by it afterwards; weights of {@link Activation#JUMPRELU}
 *     include it once they are read
 * @param hookIn the hook point of the input, as named in the file; empty if not named
 * @param hookOut the hook point of the output
 */
public record SaeConfig(
    Activation activation,
    boolean transcoder,
    boolean skip,
    int dIn,
    int dSae,
    int dOut,
    int k,
    @Nullable MatchingPursuit pursuit,
    boolean biasFromInput,
    Normalization normalization,
    boolean rescaled,
    String hookIn,
    String hookOut) {

  /** The activation function of features. */
  public enum Activation {
    /** Cunningham et al. 2023, arXiv 2309.08600; Bricken et al. 2023. */
    RELU,
    /** The k largest, by ReLU (Gao et al. 2024, arXiv 2406.04093). */
    TOPK,
    /** The k of largest magnitude, of either sign (Zhu et al. 2025, arXiv 2510.00404). */
    ABSTOPK,
    /**
     * The products of directions and residuals, which the directions before have left (Costa et al.
     * 2025, arXiv 2506.03093). The decoder is the encoder too.
     */
    MATCHING_PURSUIT,
    /** Values above a threshold per feature (Rajamanoharan et al. 2024, arXiv 2407.14435). */
    JUMPRELU,
    /**
     * A gate selects features; another bias and scale determine magnitudes (Rajamanoharan et al.
     * 2024, arXiv 2404.16014).
     */
    GATED;

    /** Returns whether the decoder is the encoder too. */
    boolean isTied() {
      return this == MATCHING_PURSUIT;
    }

    /** Returns whether a number of features is active at every token. */
    boolean hasCount() {
      return this == TOPK || this == ABSTOPK;
    }
  }

  /** The normalization of an input before it is encoded. */
  public enum Normalization {
    NONE,
    /** Mean 0, standard deviation 1. */
    LAYER_NORM,
    /** L2 norm √d_in. */
    CONSTANT_NORM_RESCALE
  }

  /** Returns the configuration of an autoencoder, standard or topk in SAELens. */
  static SaeConfig autoencoder(
      Activation activation,
      int d,
      int dSae,
      int k,
      @Nullable MatchingPursuit pursuit,
      String hook) {
    Normalization none = Normalization.NONE;
    return new SaeConfig(
        activation, false, false, d, dSae, d, k, pursuit, true, none, false, hook, hook);
  }

  /** Returns the configuration of a transcoder with these weights. */
  static SaeConfig transcoder(
      Activation activation, SaeWeights weights, int k, String hookIn, String hookOut) {
    return new SaeConfig(
        activation,
        true,
        weights.skip != null,
        weights.encoder[0].length,
        weights.encoder.length,
        weights.decoder[0].length,
        k,
        null,
        false,
        Normalization.NONE,
        false,
        hookIn,
        hookOut);
  }

  /** Returns the contents of {@code cfg.json}. */
  Map<String, Object> toJson(String model) {
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("model_name", model);
    metadata.put("hook_name", hookIn);
    if (transcoder) {
      metadata.put("hook_name_out", hookOut);
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("architecture", architecture());
    json.put("d_in", dIn);
    json.put("d_sae", dSae);
    if (transcoder) {
      json.put("d_out", dOut);
    }
    if (activation.hasCount()) {
      json.put("k", k);
      json.put("rescale_acts_by_decoder_norm", rescaled);
    }
    if (pursuit != null) {
      json.put("residual_threshold", pursuit.residual());
      json.put("max_iterations", pursuit.iterations());
      json.put("stop_on_duplicate_support", pursuit.stopsAtRepeats());
    }
    json.put("apply_b_dec_to_input", biasFromInput);
    json.put(
        "normalize_activations",
        switch (normalization) {
          case NONE -> "none";
          case LAYER_NORM -> "layer_norm";
          case CONSTANT_NORM_RESCALE -> "constant_norm_rescale";
        });
    json.put("reshape_activations", "none");
    json.put("dtype", "float32");
    json.put("device", "cpu");
    json.put("metadata", metadata);
    return json;
  }

  private String architecture() {
    String name =
        switch (activation) {
          case RELU -> transcoder ? "" : "standard";
          case TOPK -> "topk";
          case ABSTOPK -> "abstopk";
          case MATCHING_PURSUIT -> "matching_pursuit";
          case JUMPRELU -> "jumprelu";
          case GATED -> "gated";
        };
    String kind = skip ? "skip_transcoder" : "transcoder";
    return !transcoder ? name : name.isEmpty() ? kind : name + "_" + kind;
  }
}

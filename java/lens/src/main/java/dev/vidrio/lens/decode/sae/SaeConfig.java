package dev.vidrio.lens.decode.sae;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The kind of a sparse autoencoder or transcoder, as in {@code cfg.json} of SAELens.
 *
 * @param activation how pre-activations become activations of features
 * @param transcoder whether the output is a different activation than the input
 * @param skip whether a transcoder also has a linear map from input to output
 * @param dIn width of the input
 * @param dSae number of features
 * @param dOut width of the output
 * @param k active features at a token; 0 where their number is free
 * @param biasFromInput whether the decoder's bias is subtracted from the input
 * @param normalization of the input, undone in the output
 * @param rescaled whether activations are multiplied by the length of the decoder's rows before the
 *     greatest are chosen, and divided by it after
 * @param hookIn the input's hook point, as named in the file; empty if it is not
 * @param hookOut where the output goes
 */
public record SaeConfig(
    Activation activation,
    boolean transcoder,
    boolean skip,
    int dIn,
    int dSae,
    int dOut,
    int k,
    boolean biasFromInput,
    Normalization normalization,
    boolean rescaled,
    String hookIn,
    String hookOut) {

  /** How pre-activations become activations. */
  public enum Activation {
    /** Cunningham et al. 2023, arXiv 2309.08600; Bricken et al. 2023. */
    RELU,
    /** The k greatest, ReLU of them (Gao et al. 2024, arXiv 2406.04093). */
    TOPK,
    /** Those above a threshold of their own (Rajamanoharan et al. 2024, arXiv 2407.14435). */
    JUMPRELU,
    /** A gate decides, another bias and scale measure (same authors, arXiv 2404.16014). */
    GATED
  }

  /** What is done to an input before it is encoded. */
  public enum Normalization {
    NONE,
    /** Mean 0, standard deviation 1. */
    LAYER_NORM,
    /** Length √d_in. */
    CONSTANT_NORM_RESCALE
  }

  /** An autoencoder of residual streams and the like, which SAELens calls standard or topk. */
  static SaeConfig autoencoder(Activation activation, int d, int dSae, int k, String hook) {
    return new SaeConfig(
        activation, false, false, d, dSae, d, k, true, Normalization.NONE, false, hook, hook);
  }

  /** The same of weights that activations are rescaled by already. */
  SaeConfig withoutRescaling() {
    return new SaeConfig(
        activation,
        transcoder,
        skip,
        dIn,
        dSae,
        dOut,
        k,
        biasFromInput,
        normalization,
        false,
        hookIn,
        hookOut);
  }

  /** {@code cfg.json}. */
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
    if (activation == Activation.TOPK) {
      json.put("k", k);
      json.put("rescale_acts_by_decoder_norm", rescaled);
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
          case JUMPRELU -> "jumprelu";
          case GATED -> "gated";
        };
    String kind = skip ? "skip_transcoder" : "transcoder";
    return !transcoder ? name : name.isEmpty() ? kind : name + "_" + kind;
  }
}

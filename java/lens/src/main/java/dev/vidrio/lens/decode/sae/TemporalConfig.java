package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.lens.decode.sae.SaeConfig.Normalization;
import java.nio.file.Path;

/**
 * The configuration of a temporal autoencoder, as in {@code cfg.json} of SAELens.
 *
 * @param dIn width of the activations
 * @param dSae number of features
 * @param layers number of attention layers that predict an activation
 * @param heads of each layer
 * @param keys width of the keys and queries of all heads of a layer
 * @param k maximum number of active features per token; 0 for all positive ones
 * @param tied whether the decoder is the encoder too
 * @param biasFromInput whether the decoder's bias is subtracted from the input
 * @param normalization of the input, reverted in the output
 * @param factor of the input after {@code normalization}, reverted in the output
 * @param hook the hook point, as named in the file; empty if not named
 */
record TemporalConfig(
    int dIn,
    int dSae,
    int layers,
    int heads,
    int keys,
    int k,
    boolean tied,
    boolean biasFromInput,
    Normalization normalization,
    float factor,
    String hook) {
  private static final String ARCHITECTURE = "temporal";

  /** Returns whether a directory has such a configuration. */
  static boolean isIn(Path directory) {
    Path file = directory.resolve(SaeLensConfig.FILE);
    try {
      return FileStatus.exists(file)
          && SaeLensConfig.read(file).architecture().equals(ARCHITECTURE);
    } catch (ModelFileException e) {
      return false; // reading an autoencoder of another kind reports it
    }
  }

  /** Reads a file. */
  static TemporalConfig read(Path file) {
    SaeLensConfig json = SaeLensConfig.read(file);
    json.requireNoReshaping();
    int dSae = json.size("d_sae");
    int heads = json.size("n_heads", 8);
    int bottleneck = json.size("bottleneck_factor", 64);
    if (dSae % ((long) bottleneck * heads) != 0) {
      throw json.error(
          "d_sae",
          Integer.toString(dSae),
          "must be a multiple of bottleneck_factor %d times n_heads %d"
              .formatted(bottleneck, heads));
    }
    String normalization = "normalize_activations";
    boolean scaled = json.string(normalization, "none").equals("constant_scalar_rescale");
    String factor = "activation_normalization_factor";
    double scale = scaled ? json.number(factor, 1) : 1;
    if (!(scale > 0)) {
      throw json.error(factor, Double.toString(scale), "must be above 0");
    }
    return new TemporalConfig(
        json.size("d_in"),
        dSae,
        json.size("n_attn_layers", 1),
        heads,
        dSae / bottleneck,
        k(json),
        json.bool("tied_weights", true),
        json.bool("apply_b_dec_to_input", true),
        scaled ? Normalization.NONE : json.normalization(),
        (float) scale,
        json.hook("hook_name"));
  }

  /** Returns the number of features that are kept; SAELens keeps all if it is missing. */
  private static int k(SaeLensConfig json) {
    String key = "sae_diff_type";
    String kind = json.string(key, "topk");
    return switch (kind) {
      case "relu" -> 0;
      case "topk" -> json.has("kval_topk") ? json.size("kval_topk") : 0;
      default -> throw json.unsupported(key, kind, "supported: relu, topk");
    };
  }
}

package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.lens.decode.sae.SaeConfig.Activation;
import dev.vidrio.lens.decode.sae.SaeConfig.Normalization;
import java.nio.file.Path;
import java.util.function.Function;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;

/** Reads {@code cfg.json} of SAELens, of current versions and of those before 6. */
final class SaeConfigReader {
  private static final long MAX_BYTES = 1 << 20;

  /** Larger than any known size, and small enough that no product of two overflows. */
  private static final int MAX_SIZE = 1 << 24;

  private final String file;
  private final JsonNode json;

  private SaeConfigReader(String file, JsonNode json) {
    this.file = file;
    this.json = json;
  }

  static SaeConfig read(Path file) {
    return new SaeConfigReader(file.toString(), JsonFile.readObject(file, MAX_BYTES)).read();
  }

  private SaeConfig read() {
    String architecture = string("architecture", "standard");
    boolean transcoder = architecture.endsWith("transcoder");
    boolean skip = architecture.endsWith("skip_transcoder");
    Activation activation =
        switch (architecture) {
          case "standard" -> ofStandard();
          case "transcoder", "skip_transcoder" -> Activation.RELU;
          case "topk" -> Activation.TOPK;
          case "abstopk" -> Activation.ABSTOPK;
          case "matching_pursuit" -> Activation.MATCHING_PURSUIT;
          case "jumprelu", "jumprelu_transcoder", "jumprelu_skip_transcoder" -> Activation.JUMPRELU;
          case "batchtopk", "matryoshka_batchtopk" -> Activation.JUMPRELU;
          case "gated" -> Activation.GATED;
          default ->
              throw unsupported(
                  "architecture",
                  architecture,
                  "supported: standard, topk, abstopk, matching_pursuit, batchtopk,"
                      + " matryoshka_batchtopk, jumprelu, gated and transcoders");
        };
    requireNoReshaping();
    int dIn = size("d_in");
    String hook = hook("hook_name");
    return new SaeConfig(
        activation,
        transcoder,
        skip,
        dIn,
        size("d_sae"),
        transcoder ? size("d_out") : dIn,
        activation.hasCount() ? k() : 0,
        activation == Activation.MATCHING_PURSUIT ? pursuit(dIn) : null,
        !transcoder && bool("apply_b_dec_to_input", true),
        normalization(),
        rescaled(architecture),
        hook,
        transcoder ? hook("hook_name_out") : hook);
  }

  /**
   * Returns whether activations are rescaled. BatchTopK exists only in training files, which
   * rescale by default.
   */
  private boolean rescaled(String architecture) {
    return switch (architecture) {
      case "topk", "abstopk" -> bool("rescale_acts_by_decoder_norm", false);
      case "batchtopk", "matryoshka_batchtopk" -> bool("rescale_acts_by_decoder_norm", true);
      default -> false;
    };
  }

  /** Returns the activation function of "standard", which had several before version 6. */
  private Activation ofStandard() {
    String name = string("activation_fn", string("activation_fn_str", "relu"));
    return switch (name) {
      case "relu" -> Activation.RELU;
      case "topk" -> Activation.TOPK;
      default -> throw unsupported("activation_fn", name, "supported: relu, topk");
    };
  }

  private int k() {
    JsonNode old = json.path("activation_fn_kwargs").path("k");
    return old.isIntegralNumber() && !json.hasNonNull("k")
        ? integer("activation_fn_kwargs.k", old)
        : size("k");
  }

  /** Returns the steps; SAELens takes a threshold below 0 as none. */
  private MatchingPursuit pursuit(int dIn) {
    String key = "residual_threshold";
    double threshold =
        value(key, 1e-2, JsonNode::isNumber, JsonNode::doubleValue, "must be a number");
    if (!Double.isFinite(threshold)) {
      throw error(key, json.get(key).toString(), "must be finite");
    }
    return new MatchingPursuit(
        Math.max(0, threshold),
        json.hasNonNull("max_iterations") ? size("max_iterations") : dIn,
        bool("stop_on_duplicate_support", true));
  }

  private Normalization normalization() {
    String key = "normalize_activations";
    String name = json.path(key).isBoolean() ? ofOldest(bool(key, false)) : string(key, "none");
    return switch (name) {
      case "none" -> Normalization.NONE;
      case "layer_norm" -> Normalization.LAYER_NORM;
      case "constant_norm_rescale" -> Normalization.CONSTANT_NORM_RESCALE;
      default ->
          throw unsupported(
              key,
              name,
              "supported: none, layer_norm, constant_norm_rescale; SAELens folds others into the"
                  + " weights when it saves for inference");
    };
  }

  /** Returns the normalization of files that have a boolean. */
  private static String ofOldest(boolean normalizes) {
    return normalizes ? "expected_average_only_in" : "none";
  }

  private void requireNoReshaping() {
    String name = string("reshape_activations", "none");
    if (!name.equals("none") && !name.equals("hook_z")) {
      throw unsupported("reshape_activations", name, "supported: none, hook_z");
    }
  }

  /** Returns a hook point, which former versions named differently. */
  private String hook(String key) {
    JsonNode metadata = json.path("metadata");
    return metadata.path(key).isString()
        ? metadata.get(key).stringValue()
        : string(key, key.equals("hook_name") ? string("hook_point", "") : "");
  }

  private String string(String key, String fallback) {
    return value(key, fallback, JsonNode::isString, JsonNode::stringValue, "must be a string");
  }

  private boolean bool(String key, boolean fallback) {
    return value(
        key, fallback, JsonNode::isBoolean, JsonNode::booleanValue, "must be true or false");
  }

  /** Returns the value of a key, or {@code fallback} if it is missing or null. */
  private <T> T value(
      String key, T fallback, Predicate<JsonNode> fits, Function<JsonNode, T> read, String limit) {
    if (!json.hasNonNull(key)) {
      return fallback;
    }
    if (!fits.test(json.get(key))) {
      throw error(key, json.get(key).toString(), limit);
    }
    return read.apply(json.get(key));
  }

  private int size(String key) {
    if (!json.hasNonNull(key)) {
      throw error(key, "", "is missing");
    }
    return integer(key, json.get(key));
  }

  private int integer(String key, JsonNode value) {
    boolean whole = value.isIntegralNumber() && value.canConvertToInt();
    if (!whole || value.intValue() < 1 || value.intValue() > MAX_SIZE) {
      throw error(key, value.toString(), "must be an integer from 1 to " + MAX_SIZE);
    }
    return value.intValue();
  }

  private ModelFileException error(String key, String value, String limit) {
    return new ModelFileException(file, "key '" + key + "'", value, limit);
  }

  private UnsupportedModelException unsupported(String key, String value, String alternative) {
    return new UnsupportedModelException(file, "key '" + key + "' " + value, alternative);
  }
}

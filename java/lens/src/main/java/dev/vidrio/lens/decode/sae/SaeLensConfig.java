package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.lens.decode.sae.SaeConfig.Normalization;
import java.nio.file.Path;
import java.util.function.Function;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;

/** The values of {@code cfg.json} of SAELens, of current versions and of those before 6. */
final class SaeLensConfig {
  static final String FILE = "cfg.json";
  private static final long MAX_BYTES = 1 << 20;

  /** Larger than any known size, and small enough that no product of two overflows. */
  private static final int MAX_SIZE = 1 << 24;

  private final String file;
  private final JsonNode json;

  private SaeLensConfig(String file, JsonNode json) {
    this.file = file;
    this.json = json;
  }

  /** Reads a file. */
  static SaeLensConfig read(Path file) {
    return new SaeLensConfig(file.toString(), JsonFile.readObject(file, MAX_BYTES));
  }

  /** Returns the kind of dictionary. */
  String architecture() {
    return string("architecture", "standard");
  }

  /** Returns the normalization of activations. */
  Normalization normalization() {
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

  /** Rejects reshaped activations, except concatenated heads. */
  void requireNoReshaping() {
    String name = string("reshape_activations", "none");
    if (!name.equals("none") && !name.equals("hook_z")) {
      throw unsupported("reshape_activations", name, "supported: none, hook_z");
    }
  }

  /** Returns a hook point, which former versions named differently. */
  String hook(String key) {
    JsonNode metadata = json.path("metadata");
    return metadata.path(key).isString()
        ? metadata.get(key).stringValue()
        : string(key, key.equals("hook_name") ? string("hook_point", "") : "");
  }

  /** Returns a string, or {@code fallback} if it is missing. */
  String string(String key, String fallback) {
    return value(key, fallback, JsonNode::isString, JsonNode::stringValue, "must be a string");
  }

  /** Returns a boolean, or {@code fallback} if it is missing. */
  boolean bool(String key, boolean fallback) {
    return value(
        key, fallback, JsonNode::isBoolean, JsonNode::booleanValue, "must be true or false");
  }

  /** Returns a finite number, or {@code fallback} if it is missing. */
  double number(String key, double fallback) {
    double number =
        value(key, fallback, JsonNode::isNumber, JsonNode::doubleValue, "must be a number");
    if (!Double.isFinite(number)) {
      throw error(key, json.get(key).toString(), "must be finite");
    }
    return number;
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

  /** Returns whether a key has a value. */
  boolean has(String key) {
    return json.hasNonNull(key);
  }

  /** Returns a positive integer. */
  int size(String key) {
    if (!has(key)) {
      throw error(key, "", "is missing");
    }
    return integer(key, json.get(key));
  }

  /** Returns a positive integer, or {@code fallback} if it is missing. */
  int size(String key, int fallback) {
    return has(key) ? size(key) : fallback;
  }

  /** Returns the number of features that are active, which was elsewhere before version 6. */
  int k() {
    JsonNode old = json.path("activation_fn_kwargs").path("k");
    return old.isIntegralNumber() && !has("k") ? integer("activation_fn_kwargs.k", old) : size("k");
  }

  private int integer(String key, JsonNode value) {
    boolean whole = value.isIntegralNumber() && value.canConvertToInt();
    if (!whole || value.intValue() < 1 || value.intValue() > MAX_SIZE) {
      throw error(key, value.toString(), "must be an integer from 1 to " + MAX_SIZE);
    }
    return value.intValue();
  }

  /** Returns the error of a value. */
  ModelFileException error(String key, String value, String limit) {
    return new ModelFileException(file, "key '" + key + "'", value, limit);
  }

  /** Returns the error of a value that has no support. */
  UnsupportedModelException unsupported(String key, String value, String alternative) {
    return new UnsupportedModelException(file, "key '" + key + "' " + value, alternative);
  }
}

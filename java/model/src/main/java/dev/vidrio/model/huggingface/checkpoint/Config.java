package dev.vidrio.model.huggingface.checkpoint;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The values of a {@code config.json} or of an object in it. Getters check their values, as those
 * of {@link dev.vidrio.formats.gguf.Metadata} do. A key with a null value counts as missing.
 */
public final class Config {

  /** Larger than in any known model, and small enough that products of two do not overflow. */
  public static final int MAX_SIZE = 1 << 24;

  /** More than any known model has. */
  public static final int MAX_LAYERS = 512;

  private static final int MAX_ELEMENTS = 1 << 16;

  private final String file;
  private final String prefix;
  private final JsonNode node;
  private final Map<String, List<String>> attributes;

  public Config(String file, JsonNode node) {
    this(file, "", node, Map.of());
  }

  private Config(String file, String prefix, JsonNode node, Map<String, List<String>> attributes) {
    this.file = file;
    this.prefix = prefix;
    this.node = node;
    this.attributes = attributes;
  }

  /**
   * Returns the configuration of a class that has names of its own for usual keys.
   *
   * @param newAttributes the names, by usual key, the preferred one first
   */
  public Config withAttributes(Map<String, List<String>> newAttributes) {
    return new Config(file, prefix, node, newAttributes);
  }

  /** Returns the name that the file has for a key. */
  private String name(String key) {
    List<String> names = attributes.getOrDefault(key, List.of());
    return names.stream()
        .filter(node::hasNonNull)
        .findFirst()
        .orElse(names.isEmpty() || node.hasNonNull(key) ? key : names.getFirst());
  }

  private JsonNode value(String key) {
    return node.path(name(key));
  }

  public boolean has(String key) {
    return node.hasNonNull(name(key));
  }

  /** Returns the keys, in the order of the file. */
  public Collection<String> keys() {
    return node.propertyNames();
  }

  /** Returns whether the value of a key is an array. */
  public boolean isArray(String key) {
    return value(key).isArray();
  }

  /** Returns whether the value of a key is null, which may differ in meaning from a missing key. */
  public boolean isNull(String key) {
    return value(key).isNull();
  }

  public boolean isString(String key) {
    return value(key).isString();
  }

  /**
   * Returns the first of the keys that exists; transformers' classes spell some sizes differently.
   */
  public String firstOf(String... keys) {
    return Arrays.stream(keys).filter(node::hasNonNull).findFirst().orElse(keys[0]);
  }

  /** Returns an integer between 1 and {@link #MAX_SIZE}. */
  public int size(String key) {
    return integer(key, 1, MAX_SIZE);
  }

  /** Returns an integer between 1 and {@link #MAX_SIZE}, or the fallback if it is missing. */
  public int size(String key, int fallback) {
    return has(key) ? size(key) : fallback;
  }

  public int integer(String key, int min, int max) {
    JsonNode value =
        required(
            key, node -> node.isIntegralNumber() && node.canConvertToLong(), "must be an integer");
    if (value.longValue() < min || value.longValue() > max) {
      throw error(key, value.toString(), "must be " + min + " to " + max);
    }
    return value.intValue();
  }

  public double real(String key) {
    return required(
            key,
            value -> value.isNumber() && Double.isFinite(value.doubleValue()),
            "must be a finite number")
        .doubleValue();
  }

  public double real(String key, double fallback) {
    return has(key) ? real(key) : fallback;
  }

  public boolean bool(String key, boolean fallback) {
    return has(key)
        ? required(key, JsonNode::isBoolean, "must be true or false").booleanValue()
        : fallback;
  }

  public String string(String key, String fallback) {
    return has(key)
        ? required(key, JsonNode::isString, "must be a string").stringValue()
        : fallback;
  }

  public List<String> strings(String key) {
    return elements(key, JsonNode::isString, "strings").map(JsonNode::stringValue).toList();
  }

  /**
   * Returns the kind of each layer.
   *
   * @param known the supported kinds
   */
  public List<String> perLayer(String key, String... known) {
    List<String> kinds = strings(key);
    int layers = size("num_hidden_layers");
    if (kinds.size() != layers) {
      throw error(key, kinds.size() + " kinds", "must be one for each of " + layers + " layers");
    }
    for (String kind : kinds) {
      if (!List.of(known).contains(kind)) {
        throw unsupported(key, kind, "supported: " + String.join(", ", known));
      }
    }
    return kinds;
  }

  public float[] reals(String key) {
    double[] reals =
        elements(key, JsonNode::isNumber, "numbers").mapToDouble(JsonNode::doubleValue).toArray();
    float[] floats = new float[reals.length];
    for (int i = 0; i < reals.length; i++) {
      floats[i] = (float) reals[i];
    }
    return floats;
  }

  public int[] integers(String key) {
    return elements(key, value -> value.isIntegralNumber() && value.canConvertToInt(), "integers")
        .mapToInt(JsonNode::intValue)
        .toArray();
  }

  private Stream<JsonNode> elements(String key, Predicate<JsonNode> type, String name) {
    JsonNode array = array(key);
    for (JsonNode element : array) {
      if (!type.test(element)) {
        throw error(key, element.toString(), "must be an array of " + name);
      }
    }
    return array.valueStream();
  }

  private JsonNode array(String key) {
    JsonNode value = required(key, node -> true, "");
    if (!value.isArray() || value.size() > MAX_ELEMENTS) {
      throw error(key, "", "must be an array of at most " + MAX_ELEMENTS);
    }
    return value;
  }

  /** Returns the object of a key, empty if it is missing. */
  public Config object(String key) {
    JsonNode value = value(key);
    if (has(key) && !value.isObject()) {
      throw error(key, value.toString(), "must be an object");
    }
    return new Config(file, prefix + key + ".", value, Map.of());
  }

  /**
   * Returns the object of a key, with a value of this one instead of its own.
   *
   * @param inherited key of the value, which may be missing
   */
  public Config object(String key, String inherited) {
    Config own = object(key);
    if (!has(inherited)) {
      return own;
    }
    ObjectNode merged = ((ObjectNode) own.node).deepCopy();
    merged.set(inherited, node.get(inherited));
    return new Config(file, own.prefix, merged, Map.of());
  }

  /** Returns the configuration with another number. */
  public Config with(String key, int number) {
    ObjectNode merged = ((ObjectNode) node).deepCopy();
    return new Config(file, prefix, merged.put(key, number), attributes);
  }

  /** Returns the configuration with numbers for missing keys. */
  public Config withDefaults(Map<String, Integer> defaults) {
    ObjectNode merged = ((ObjectNode) node).deepCopy();
    defaults.forEach(
        (key, value) -> {
          if (!has(key)) {
            merged.put(key, value);
          }
        });
    return new Config(file, prefix, merged, attributes);
  }

  /**
   * Rejects unsupported values.
   *
   * @param key a key that may be missing
   * @param supported condition on the value
   * @param alternative what is supported
   */
  public void require(String key, Predicate<JsonNode> supported, String alternative) {
    if (has(key) && !supported.test(value(key))) {
      throw unsupported(key, value(key).toString(), alternative);
    }
  }

  /**
   * Rejects an array with other elements than those expected of the layers; an empty one counts as
   * missing.
   *
   * @param expected element of a layer
   * @param alternative what is supported
   */
  public void requirePerLayer(String key, IntFunction<?> expected, String alternative) {
    if (!has(key) || array(key).isEmpty()) {
      return;
    }
    JsonNode elements = array(key);
    int layers = size("num_hidden_layers");
    if (elements.size() != layers) {
      throw error(
          key, elements.size() + " elements", "must be one for each of " + layers + " layers");
    }
    for (int l = 0; l < layers; l++) {
      if (!elements.get(l).asString("").equals(expected.apply(l).toString())) {
        throw unsupported(key, "[" + l + "] " + elements.get(l), alternative);
      }
    }
  }

  /** Rejects strings other than the given ones. */
  public void requireOneOf(String key, String... supported) {
    List<String> known = List.of(supported);
    require(key, value -> known.contains(value.asString("")), "supported: " + known);
  }

  /** Rejects a truth value that is true. */
  public void requireOff(String key) {
    require(key, value -> value.isBoolean() && !value.booleanValue(), "must be false");
  }

  /** Rejects a truth value that is false. */
  public void requireOn(String key) {
    require(key, value -> value.isBoolean() && value.booleanValue(), "must be true");
  }

  /** Rejects an integer that is present and not equal to another. */
  public void requireNumber(String key, int number) {
    require(key, value -> value.asInt(number + 1) == number, "must be " + number);
  }

  public UnsupportedModelException unsupported(String key, String value, String alternative) {
    return new UnsupportedModelException(
        file, "key '" + prefix + name(key) + "' " + value, alternative);
  }

  public ModelFileException error(String key, String value, String limit) {
    return new ModelFileException(file, "key '" + prefix + name(key) + "'", value, limit);
  }

  private JsonNode required(String key, Predicate<JsonNode> type, String limit) {
    JsonNode value = value(key);
    if (!has(key)) {
      throw error(key, "", "is missing");
    }
    if (!type.test(value)) {
      throw error(key, value.toString(), limit);
    }
    return value;
  }
}

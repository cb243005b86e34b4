package dev.vidrio.server.http;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The fields of a JSON object in a request. {@link #end} rejects the fields that were not read, so
 * that the server never ignores one. A null field counts as absent.
 */
public final class JsonFields {
  private final String path;
  private final JsonNode object;
  private final Map<String, String> paths;
  private final Map<String, JsonValue> values;
  private final FieldListener listener;
  private final Set<String> unread = new LinkedHashSet<>();

  JsonFields(String path, JsonNode object, FieldListener listener) {
    this(path, object, Map.of(), Map.of(), listener);
  }

  private JsonFields(
      String path,
      JsonNode object,
      Map<String, String> paths,
      Map<String, JsonValue> values,
      FieldListener listener) {
    this.path = path;
    this.object = object;
    this.paths = paths;
    this.values = values;
    this.listener = listener;
    object.forEachEntry(
        (name, value) -> {
          if (!value.isNull()) {
            unread.add(name);
          }
        });
  }

  /**
   * Parses a request's body.
   *
   * @throws ApiException 400 if it is not a JSON object
   */
  public static JsonFields ofBody(byte[] body) {
    return ofBody(body, FieldListener.NONE);
  }

  /**
   * Parses a request's body.
   *
   * @param listener receives the fields that are read
   * @throws ApiException 400 if it is not a JSON object
   */
  static JsonFields ofBody(byte[] body, FieldListener listener) {
    JsonNode node = Json.readBody(body);
    if (!node.isObject()) {
      throw ApiException.malformed("body: must be a JSON object");
    }
    return new JsonFields("", node, listener);
  }

  /**
   * Returns the fields of a translated request. Errors name the paths that the values have in the
   * client's request.
   *
   * @param values the fields by their names after the translation
   */
  public static JsonFields of(Map<String, JsonValue> values) {
    ObjectNode object = JsonNodeFactory.instance.objectNode();
    Map<String, String> paths = new HashMap<>();
    values.forEach(
        (name, value) -> {
          object.set(name, value.node());
          paths.put(name, value.path());
        });
    return new JsonFields("", object, paths, values, FieldListener.NONE);
  }

  /** Returns the fields without one that has been read, for a reader that does not know it. */
  public JsonFields without(String name) {
    ObjectNode rest = JsonNodeFactory.instance.objectNode().setAll((ObjectNode) object);
    var _ = rest.remove(name);
    return new JsonFields(path, rest, paths, values, listener.without(path(name)));
  }

  /** Returns the path of a field, such as {@code messages[2].content}. */
  public String path(String name) {
    String known = paths.get(name);
    if (known != null) {
      return known;
    }
    return path.isEmpty() ? name : path + "." + name;
  }

  /** Returns whether a field is present. */
  public boolean isPresent(String name) {
    JsonNode node = object.get(name);
    return node != null && !node.isNull();
  }

  /** Sets the value of an absent field. */
  public void setDefault(String name, String value) {
    ((ObjectNode) object).put(name, value);
    unread.add(name);
  }

  /** Returns a field, or null if it is absent. */
  public @Nullable JsonValue value(String name) {
    return value(name, Map.of());
  }

  /**
   * Returns a field, or null if it is absent.
   *
   * @param schema what is accepted
   */
  private @Nullable JsonValue value(String name, Map<String, Object> schema) {
    unread.remove(name);
    listener.read(path(name), schema);
    JsonNode node = object.get(name);
    if (node == null || node.isNull()) {
      return null;
    }
    JsonValue translated = values.get(name);
    return translated == null ? new JsonValue(path(name), node, listener) : translated;
  }

  /** Reads all fields that are not null, in their order. */
  public void forEach(BiConsumer<String, JsonValue> action) {
    for (String name : List.copyOf(unread)) {
      action.accept(name, required(name));
    }
  }

  /**
   * Returns a required field.
   *
   * @throws ApiException 400 if it is absent
   */
  public JsonValue required(String name) {
    listener.required(path(name));
    JsonValue value = value(name);
    if (value == null) {
      throw ApiException.missing(path(name), "");
    }
    return value;
  }

  /** Reads a field, if it is present. */
  public <T> Optional<T> optional(String name, Function<JsonValue, T> reader) {
    return Optional.ofNullable(value(name)).map(reader);
  }

  private <T> T read(
      String name, T absent, Map<String, Object> schema, Function<JsonValue, T> reader) {
    JsonValue value = value(name, schema);
    return value == null ? absent : reader.apply(value);
  }

  /** Returns a string, or null if it is absent. */
  public @Nullable String string(String name) {
    JsonValue value = value(name, Map.of("type", "string"));
    return value == null ? null : value.string();
  }

  /** Returns a string, or the default if it is absent. */
  public String string(String name, String absent) {
    return read(name, absent, Map.of("type", "string"), JsonValue::string);
  }

  /** Returns a boolean, or the default if it is absent. */
  public boolean bool(String name, boolean absent) {
    return read(name, absent, Map.of("type", "boolean"), JsonValue::bool);
  }

  /** Returns an integer from {@code min} to {@code max}, or the default if it is absent. */
  public int integer(String name, int absent, int min, int max) {
    return read(
        name,
        absent,
        Map.of("type", "integer", "minimum", min, "maximum", max),
        value -> value.integer(min, max));
  }

  /** Returns a number from {@code min} to {@code max}, or the default if it is absent. */
  public double number(String name, double absent, double min, double max) {
    return read(
        name,
        absent,
        Map.of("type", "number", "minimum", min, "maximum", max),
        value -> value.number(min, max));
  }

  /** Returns a string or an array of at most {@code max} strings; empty if it is absent. */
  public List<String> strings(String name, int max) {
    Map<String, Object> strings = Map.of("type", "string");
    listener.read(path(name), Map.of("type", "array", "maxItems", max, "items", strings));
    JsonValue value = value(name, strings);
    if (value == null) {
      return List.of();
    }
    if (value.isString()) {
      return List.of(value.string());
    }
    return value.elements(0, max).stream().map(JsonValue::string).toList();
  }

  /** Returns one of the supported values, or the default if the field is absent. */
  public String oneOf(String name, String absent, String... supported) {
    JsonValue value = value(name, Map.of("type", "string", "enum", List.of(supported)));
    if (value == null) {
      return absent;
    }
    if (!List.of(supported).contains(value.string())) {
      throw value.error(
          supported.length == 1
              ? "not supported; must be " + supported[0]
              : "must be one of " + String.join(", ", supported));
    }
    return value.string();
  }

  /** Reads string fields that have no effect on the server. */
  public void ignore(String... names) {
    for (String name : names) {
      var _ = string(name);
    }
  }

  /** Reads an array that must be empty, if it is present. */
  public void requireEmpty(String name) {
    var _ = read(name, List.of(), Map.of("type", "array"), value -> value.elements(0, 0));
  }

  /** Reads a boolean field that only supports the default behavior. */
  public void requireValue(String name, boolean supported) {
    listener.read(path(name), Map.of("type", "boolean", "enum", List.of(supported)));
    if (bool(name, supported) != supported) {
      throw ApiException.unsupported(path(name), "not supported; must be " + supported);
    }
  }

  /** Rejects a field unless it is absent, with a reason. */
  public void reject(String name, String reason) {
    unread.remove(name);
    if (isPresent(name)) {
      throw ApiException.unsupported(path(name), reason);
    }
  }

  /** Rejects fields that were not read. */
  public void end() {
    for (String name : unread) {
      throw ApiException.request(
          400, "unknown_parameter", path(name), path(name) + ": not supported");
    }
  }
}

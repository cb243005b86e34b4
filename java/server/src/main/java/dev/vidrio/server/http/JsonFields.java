package dev.vidrio.server.http;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The fields of an object in a request. Each is read once; those that nobody has read are refused
 * by {@link #end}, so that nothing a client asks for is passed over. A field that is null counts as
 * absent.
 */
public final class JsonFields {
  private final String path;
  private final JsonNode object;
  private final Set<String> unread = new LinkedHashSet<>();

  JsonFields(String path, JsonNode object) {
    this.path = path;
    this.object = object;
    object.forEachEntry(
        (name, value) -> {
          if (!value.isNull()) {
            unread.add(name);
          }
        });
  }

  /** The fields of a request's body. */
  static JsonFields ofBody(byte[] body) {
    JsonNode node = Json.readBody(body);
    if (!node.isObject()) {
      throw ApiException.malformed("body: must be a JSON object");
    }
    return new JsonFields("", node);
  }

  /** Where a field stands. */
  public String path(String name) {
    return path.isEmpty() ? name : path + "." + name;
  }

  /** Where the object stands. */
  String path() {
    return path;
  }

  /** A field, or null where it is absent. */
  public @Nullable JsonValue value(String name) {
    unread.remove(name);
    JsonNode node = object.get(name);
    return node == null || node.isNull() ? null : new JsonValue(path(name), node);
  }

  /** A field that must be there. */
  public JsonValue required(String name) {
    JsonValue value = value(name);
    if (value == null) {
      throw ApiException.missing(path(name));
    }
    return value;
  }

  private <T> T read(String name, T absent, Function<JsonValue, T> reader) {
    JsonValue value = value(name);
    return value == null ? absent : reader.apply(value);
  }

  public @Nullable String string(String name) {
    JsonValue value = value(name);
    return value == null ? null : value.string();
  }

  public String string(String name, String absent) {
    return read(name, absent, JsonValue::string);
  }

  public boolean bool(String name, boolean absent) {
    return read(name, absent, JsonValue::bool);
  }

  public int integer(String name, int absent, int min, int max) {
    return read(name, absent, value -> value.integer(min, max));
  }

  public double number(String name, double absent, double min, double max) {
    return read(name, absent, value -> value.number(min, max));
  }

  /** A field that holds a string or an array of strings. */
  public List<String> strings(String name, int max) {
    JsonValue value = value(name);
    if (value == null) {
      return List.of();
    }
    if (value.isString()) {
      return List.of(value.string());
    }
    List<String> strings = new ArrayList<>();
    value.elements(0, max).forEach(element -> strings.add(element.string()));
    return strings;
  }

  /** A field of which only these values are supported. */
  public String oneOf(String name, String absent, String... supported) {
    JsonValue value = value(name);
    if (value == null) {
      return absent;
    }
    if (!List.of(supported).contains(value.string())) {
      throw value.error("must be one of " + String.join(", ", supported));
    }
    return value.string();
  }

  /** Reads a field that has no effect here, whatever string it holds. */
  public void unused(String... names) {
    for (String name : names) {
      var _ = string(name);
    }
  }

  /** Reads a field by which only that can be asked for which is done anyway. */
  public void only(String name, boolean supported) {
    if (bool(name, supported) != supported) {
      throw ApiException.unsupported(path(name), path(name) + ": must be " + supported);
    }
  }

  /** Refuses a field unless it is absent, with the reason. */
  public void refuse(String name, String reason) {
    JsonValue value = value(name);
    if (value != null) {
      throw ApiException.unsupported(value.path(), value.path() + ": " + reason);
    }
  }

  /** Refuses what has not been read. */
  public void end() {
    for (String name : unread) {
      throw ApiException.unknown(path(name));
    }
  }
}

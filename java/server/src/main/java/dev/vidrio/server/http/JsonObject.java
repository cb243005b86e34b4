package dev.vidrio.server.http;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A JSON object to be written, with its fields in order. Values are as for {@link Json#bytes}. */
public final class JsonObject extends LinkedHashMap<String, @Nullable Object> {
  private static final long serialVersionUID = 1L;

  /** Creates an object without fields. */
  public JsonObject() {}

  /** Adds a field, which may be null. */
  public JsonObject with(String name, @Nullable Object value) {
    put(name, value);
    return this;
  }

  /** Adds the fields of another object. */
  public JsonObject withAll(Map<String, ? extends @Nullable Object> fields) {
    putAll(fields);
    return this;
  }

  /** Adds a field unless its value is null. */
  public JsonObject withPresent(String name, @Nullable Object value) {
    return value == null ? this : with(name, value);
  }
}

package dev.vidrio.cli.io;

import java.util.LinkedHashMap;
import org.jspecify.annotations.Nullable;

/** A JSON object that keeps the order of its fields. */
public final class JsonObject extends LinkedHashMap<String, @Nullable Object> {
  private static final long serialVersionUID = 1;

  /** Adds a field and returns this object. */
  public JsonObject with(String name, @Nullable Object value) {
    put(name, value);
    return this;
  }
}

package dev.vidrio.server.http;

import java.util.Map;

/**
 * Receives the fields that a route reads of a request and what it accepts as their values. The
 * published description of the API is derived from them, so that it describes what is read.
 */
public interface FieldListener {
  /** Ignores everything. */
  FieldListener NONE = (path, schema) -> {};

  /**
   * Receives a field or an element of an array when it is read, present or not.
   *
   * @param path the path, such as {@code messages[2].content}
   * @param schema keywords of JSON Schema that accept the values; empty if any value may be read
   */
  void read(String path, Map<String, Object> schema);

  /** Receives a field that must be present. */
  default void required(String path) {}

  /** Returns a listener that passes all fields on but one. */
  default FieldListener without(String field) {
    FieldListener all = this;
    return new FieldListener() {
      @Override
      public void read(String path, Map<String, Object> schema) {
        if (!path.equals(field)) {
          all.read(path, schema);
        }
      }

      @Override
      public void required(String path) {
        all.required(path);
      }
    };
  }
}

package dev.vidrio.server.generation;

import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Builds the fields of a request to OpenAI's API from one to another API, so that both are read by
 * the same code. Each value keeps the path of the field it comes from, for errors.
 */
public final class Translation {
  private final Map<String, JsonValue> fields = new LinkedHashMap<>();

  /** Adds a value, unless it is null. */
  public Translation with(String name, @Nullable JsonValue value) {
    if (value != null) {
      fields.put(name, value);
    }
    return this;
  }

  /**
   * Adds a value that is not in the client's request in this form.
   *
   * @param path the path of the field it comes from
   * @param value a tree of maps, lists, strings, numbers and booleans
   */
  public Translation with(String name, String path, Object value) {
    JsonNode node = JsonMapper.shared().valueToTree(value);
    return with(name, new JsonValue(path, node));
  }

  /** Adds fields that have the same name and meaning in both APIs, if they are present. */
  public Translation withSame(JsonFields from, String... names) {
    for (String name : names) {
      var _ = with(name, from.value(name));
    }
    return this;
  }

  /** Returns the translated fields. */
  public JsonFields fields() {
    return JsonFields.of(fields);
  }
}

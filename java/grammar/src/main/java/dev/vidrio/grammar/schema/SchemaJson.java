package dev.vidrio.grammar.schema;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.file.StrictJson;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Parses and prints schemas as JSON: bounded depth, exact numbers, no duplicate keys. */
public final class SchemaJson {

  private static final int MAX_DEPTH = 100;

  private static final JsonMapper MAPPER =
      StrictJson.mapper(MAX_DEPTH)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();

  private SchemaJson() {}

  /**
   * Parses a schema.
   *
   * @throws InvalidInputException if it is not JSON
   */
  static JsonNode parse(String field, String json) {
    try {
      return MAPPER.readTree(json);
    } catch (JacksonException e) {
      throw new InvalidInputException(field, "", "invalid JSON: " + JsonFile.reason(e));
    }
  }

  /**
   * Parses an array of objects into Java types.
   *
   * @param field the array's name in errors
   * @throws InvalidInputException if it is something else
   */
  public static List<Map<String, @Nullable Object>> parseObjects(String field, String json) {
    JsonNode array = parse(field, json);
    if (!array.isArray() || !array.valueStream().allMatch(JsonNode::isObject)) {
      throw new InvalidInputException(field, "", "must be an array of objects");
    }
    return MAPPER.convertValue(array, new TypeReference<>() {});
  }

  /** Prints a value of Java types as JSON. */
  public static String write(Object value) {
    try {
      return MAPPER.writeValueAsString(value);
    } catch (JacksonException e) {
      throw new InvalidInputException(
          "JSON", "", "cannot be converted to JSON: " + e.getOriginalMessage());
    }
  }
}

package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Rules;
import dev.vidrio.template.call.ParameterTypes;
import dev.vidrio.template.call.Part;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A parameter of a tool, for formats of calls that write each separately.
 *
 * @param json the schema of all parameters, as JSON text
 * @param schema the schema of all parameters
 * @param name the parameter's name
 */
record ToolParameter(String json, Map<String, @Nullable Object> schema, String name) {
  private Set<String> types() {
    return ParameterTypes.of(schema, name);
  }

  /** Returns whether all values are strings, so that they are written without quotes. */
  boolean isString() {
    return types().equals(Set.of("string"));
  }

  /** Returns whether all values are true or false. */
  boolean isBoolean() {
    return types().equals(Set.of("boolean"));
  }

  /** Returns the rules of the values as JSON. */
  Rules values() {
    return SchemaReader.readProperty(json, name);
  }

  /** Returns the rules of the strings without quotes that do not contain a mark. */
  Rules texts(String mark) {
    return SchemaReader.readTexts(json, name, mark);
  }

  /**
   * Returns the type that a format writes: the name of a JSON type, or a flag for strings.
   *
   * @param pattern the pattern of a parameter, which shows which of both
   */
  String type(List<Part> pattern) {
    boolean isFlag =
        pattern.stream()
            .anyMatch(part -> part instanceof Part.Text(String text) && text.contains("string=\""));
    if (isFlag) {
      return Boolean.toString(isString());
    }
    Set<String> types = types();
    if (isString()) {
      return "string";
    }
    return List.of("object", "array", "number", "boolean").stream()
        .filter(types::contains)
        .findFirst()
        .orElse(types.contains("integer") ? "number" : "null");
  }
}

package dev.vidrio.model.grammar;

import dev.vidrio.model.InvalidInputException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A schema that is an object, with its place in the document; all its keywords are known.
 *
 * @param path a JSON pointer, for errors
 */
record SchemaPart(String path, ObjectNode node) {

  /** What errors call a schema. */
  static final String FIELD = "JSON schema";

  /** Keywords of values of one type, by type. */
  private static final Map<String, Set<String>> OF_TYPE =
      Map.of(
          "object", Set.of("properties", "required", "additionalProperties"),
          "array", Set.of("items", "prefixItems", "minItems", "maxItems"),
          "string", Set.of("minLength", "maxLength", "pattern", "format"),
          "number", Set.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"));

  private static final Set<String> GENERAL =
      Set.of("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref");

  /** Keywords that ask for nothing. */
  private static final Set<String> ANNOTATIONS =
      Set.of(
          "title",
          "description",
          "default",
          "examples",
          "deprecated",
          "readOnly",
          "writeOnly",
          "$comment",
          "$schema",
          "$defs",
          "definitions");

  private static final List<String> TYPES =
      List.of("object", "array", "string", "number", "integer", "boolean", "null");

  private static final int MAX_COUNT = 10_000;

  /**
   * Takes a schema.
   *
   * @throws InvalidInputException if it is no object, or has a keyword that is not supported
   */
  static SchemaPart of(String path, JsonNode node) {
    if (!(node instanceof ObjectNode object)) {
      throw new InvalidInputException(
          FIELD + " '" + path + "'", "", "must be an object, true or false");
    }
    SchemaPart part = new SchemaPart(path, object);
    for (String keyword : object.propertyNames()) {
      boolean known =
          GENERAL.contains(keyword)
              || ANNOTATIONS.contains(keyword)
              || (keyword.equals("$id") && path.equals("#"))
              || OF_TYPE.values().stream().anyMatch(set -> set.contains(keyword));
      if (!known) {
        throw part.error(keyword, "is not supported");
      }
    }
    return part;
  }

  InvalidInputException error(String keyword, String limit) {
    return new InvalidInputException(FIELD + " '" + path + "' keyword", "'" + keyword + "'", limit);
  }

  @Nullable JsonNode get(String keyword) {
    return node.get(keyword);
  }

  boolean has(String keyword) {
    return node.has(keyword);
  }

  /** The keywords that ask for something. */
  List<String> assertions() {
    return node.propertyNames().stream()
        .filter(keyword -> !ANNOTATIONS.contains(keyword) && !keyword.equals("$id"))
        .toList();
  }

  /** The same without some keywords. */
  SchemaPart without(String... keywords) {
    return new SchemaPart(path, copy().remove(List.of(keywords)));
  }

  /** A copy of the schema, but not of what lies below. */
  ObjectNode copy() {
    ObjectNode copy = JsonNodeFactory.instance.objectNode();
    node.forEachEntry(copy::set);
    return copy;
  }

  /** The path of what lies below a keyword. */
  String below(String... steps) {
    StringBuilder below = new StringBuilder(path);
    for (String step : steps) {
      below.append('/').append(step.replace("~", "~0").replace("/", "~1"));
    }
    return below.toString();
  }

  /**
   * The types that it allows: those it names, otherwise those that its keywords are about,
   * otherwise all of them.
   *
   * @throws InvalidInputException if a keyword is about none of the types that it names
   */
  Set<String> types() {
    Set<String> types = new TreeSet<>();
    JsonNode named = node.get("type");
    if (named == null) {
      OF_TYPE.forEach(
          (type, keywords) -> {
            if (keywords.stream().anyMatch(node::has)) {
              types.add(type);
            }
          });
      return types.isEmpty() ? Set.copyOf(TYPES) : types;
    }
    for (JsonNode type : named.isArray() ? named : List.of(named)) {
      if (!type.isString() || !TYPES.contains(type.stringValue())) {
        throw error("type", "must be of " + String.join(", ", TYPES));
      }
      types.add(type.stringValue());
    }
    if (types.contains("number")) {
      types.remove("integer");
    }
    requireAbout(types);
    return types;
  }

  private void requireAbout(Set<String> types) {
    OF_TYPE.forEach(
        (type, keywords) -> {
          boolean about = types.contains(type);
          about |= type.equals("number") && types.contains("integer");
          for (String keyword : keywords) {
            if (!about && node.has(keyword)) {
              throw error(keyword, "is not about type " + String.join(", ", types));
            }
          }
        });
  }

  /** A count of characters or items. */
  int count(String keyword, int absent) {
    JsonNode value = node.get(keyword);
    if (value == null) {
      return absent;
    }
    if (!value.canConvertToExactIntegral()
        || value.decimalValue().signum() < 0
        || value.decimalValue().compareTo(BigDecimal.valueOf(MAX_COUNT)) > 0) {
      throw error(keyword, "must be an integer of 0 to " + MAX_COUNT);
    }
    return value.decimalValue().intValueExact();
  }

  /** A text. */
  String text(String keyword) {
    JsonNode value = node.get(keyword);
    if (value == null || !value.isString()) {
      throw error(keyword, "must be a string");
    }
    return value.stringValue();
  }

  /** An array. */
  List<JsonNode> list(String keyword) {
    JsonNode value = node.get(keyword);
    if (value == null || !value.isArray()) {
      throw error(keyword, "must be an array");
    }
    List<JsonNode> list = new ArrayList<>();
    value.forEach(list::add);
    return list;
  }
}

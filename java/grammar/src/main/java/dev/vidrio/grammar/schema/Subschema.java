package dev.vidrio.grammar.schema;

import dev.vidrio.error.InvalidInputException;
import java.math.BigDecimal;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.BooleanNode;

/** A subschema at its location in the document; equal only to itself. */
final class Subschema {

  /** The name of a schema in errors. */
  static final String FIELD = "JSON schema";

  /** The schema that accepts every value. */
  static final Subschema ANYTHING = new Subschema("true", BooleanNode.TRUE);

  /** The schema that accepts no value. */
  static final Subschema NOTHING = new Subschema("false", BooleanNode.FALSE);

  /**
   * The maximum count of characters, items or properties; a higher upper bound is reduced to it.
   */
  private static final int MAX_COUNT = 10_000;

  private final String path;
  private final JsonNode node;
  private final List<String> assertions;

  /**
   * Creates a subschema.
   *
   * @param path the JSON pointer, for errors
   * @throws InvalidInputException if the node is not an object or a boolean
   */
  Subschema(String path, JsonNode node) {
    if (!node.isObject() && !node.isBoolean()) {
      throw new InvalidInputException(
          FIELD + " '" + path + "'", "", "must be an object or a boolean");
    }
    this.path = path;
    this.node = node;
    this.assertions = node.propertyNames().stream().filter(Keywords::isAssertion).toList();
  }

  String path() {
    return path;
  }

  JsonNode node() {
    return node;
  }

  boolean isAnything() {
    return node.isBoolean() ? node.booleanValue() : assertions.isEmpty();
  }

  boolean isNothing() {
    return node.isBoolean() && !node.booleanValue();
  }

  InvalidInputException error(String keyword, String limit) {
    return new InvalidInputException(FIELD + " '" + path + "' keyword", "'" + keyword + "'", limit);
  }

  boolean has(String keyword) {
    return node.has(keyword);
  }

  /** Returns the keywords that constrain something. */
  List<String> assertions() {
    return assertions;
  }

  /** Returns the path of a location below this schema. */
  String below(String... steps) {
    StringBuilder below = new StringBuilder(path);
    for (String step : steps) {
      below.append('/').append(escaped(step));
    }
    return below.toString();
  }

  /** Escapes a step of a JSON pointer. */
  static String escaped(String step) {
    return step.replace("~", "~0").replace("/", "~1");
  }

  /** Returns the declared types; empty if there are none. */
  List<String> types() {
    JsonNode named = node.get("type");
    List<JsonNode> types =
        named == null ? List.of() : named.isArray() ? list("type") : List.of(named);
    if (!types.stream()
        .allMatch(type -> type.isString() && Keywords.TYPES.contains(type.stringValue()))) {
      throw error("type", "must be one of " + String.join(", ", Keywords.TYPES));
    }
    return types.stream().map(JsonNode::stringValue).toList();
  }

  /** Returns a count of characters, items or properties; an upper bound is clamped. */
  int count(String keyword, boolean upper) {
    BigDecimal value = number(keyword);
    if (value.signum() < 0
        || value.stripTrailingZeros().scale() > 0
        || (!upper && value.compareTo(BigDecimal.valueOf(MAX_COUNT)) > 0)) {
      throw error(keyword, "must be an integer between 0 and " + MAX_COUNT);
    }
    return value.min(BigDecimal.valueOf(MAX_COUNT)).intValueExact();
  }

  /** Returns the number at a keyword. */
  BigDecimal number(String keyword) {
    return value(keyword, JsonNode::isNumber, "a number").decimalValue();
  }

  /** Returns the boolean at a keyword. */
  boolean flag(String keyword) {
    return value(keyword, JsonNode::isBoolean, "a boolean").booleanValue();
  }

  /** Returns the string at a keyword. */
  String text(String keyword) {
    return value(keyword, JsonNode::isString, "a string").stringValue();
  }

  /** Returns the array at a keyword. */
  List<JsonNode> list(String keyword) {
    return value(keyword, JsonNode::isArray, "an array").valueStream().toList();
  }

  /** Returns the object at a keyword. */
  JsonNode object(String keyword) {
    return value(keyword, JsonNode::isObject, "an object");
  }

  private JsonNode value(String keyword, Predicate<JsonNode> is, String kind) {
    JsonNode value = node.get(keyword);
    if (value == null || !is.test(value)) {
      throw error(keyword, "must be " + kind);
    }
    return value;
  }

  /** Returns the array of strings at a keyword. */
  List<String> texts(String keyword) {
    return texts(keyword, node.get(keyword));
  }

  /** Returns an array of strings at or below a keyword. */
  List<String> texts(String keyword, @Nullable JsonNode value) {
    if (value == null || !value.isArray() || !value.valueStream().allMatch(JsonNode::isString)) {
      throw error(keyword, "must be an array of strings");
    }
    return value.valueStream().map(JsonNode::stringValue).toList();
  }
}

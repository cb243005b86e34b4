package dev.vidrio.grammar.schema;

import dev.vidrio.error.InvalidInputException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.BooleanNode;

/** A schema at its place in the document; equal only to itself. */
final class SchemaPart {

  /** What errors call a schema. */
  static final String FIELD = "JSON schema";

  /** Takes every value. */
  static final SchemaPart ANYTHING = new SchemaPart("true", BooleanNode.TRUE);

  /** Takes none. */
  static final SchemaPart NOTHING = new SchemaPart("false", BooleanNode.FALSE);

  /** The highest count of characters, items or properties; an upper bound above it is as high. */
  private static final int MAX_COUNT = 10_000;

  private final String path;
  private final JsonNode node;
  private final List<String> assertions;

  /**
   * Takes a schema.
   *
   * @param path a JSON pointer, for errors
   * @throws InvalidInputException if it is neither an object nor true or false
   */
  SchemaPart(String path, JsonNode node) {
    if (!node.isObject() && !node.isBoolean()) {
      throw new InvalidInputException(
          FIELD + " '" + path + "'", "", "must be an object, true or false");
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

  @Nullable JsonNode get(String keyword) {
    return node.get(keyword);
  }

  boolean has(String keyword) {
    return node.has(keyword);
  }

  /** The keywords that ask for something. */
  List<String> assertions() {
    return assertions;
  }

  /** The path of what lies below a keyword. */
  String below(String... steps) {
    StringBuilder below = new StringBuilder(path);
    for (String step : steps) {
      below.append('/').append(escaped(step));
    }
    return below.toString();
  }

  /** A step of a JSON pointer. */
  static String escaped(String step) {
    return step.replace("~", "~0").replace("/", "~1");
  }

  /** The types that it names; empty where it names none. */
  List<String> types() {
    JsonNode named = node.get("type");
    List<String> types = new ArrayList<>();
    for (JsonNode type :
        named == null ? List.<JsonNode>of() : named.isArray() ? named : List.of(named)) {
      if (!type.isString() || !Keywords.TYPES.contains(type.stringValue())) {
        throw error("type", "must be of " + String.join(", ", Keywords.TYPES));
      }
      types.add(type.stringValue());
    }
    return types;
  }

  /** A count of characters, items or properties; an upper one may be higher than it can be. */
  int count(String keyword, boolean upper) {
    BigDecimal value = number(keyword);
    if (value.signum() < 0
        || value.stripTrailingZeros().scale() > 0
        || (!upper && value.compareTo(BigDecimal.valueOf(MAX_COUNT)) > 0)) {
      throw error(keyword, "must be an integer of 0 to " + MAX_COUNT);
    }
    return value.min(BigDecimal.valueOf(MAX_COUNT)).intValueExact();
  }

  /** A number. */
  BigDecimal number(String keyword) {
    JsonNode value = node.get(keyword);
    if (value == null || !value.isNumber()) {
      throw error(keyword, "must be a number");
    }
    return value.decimalValue();
  }

  /** A truth value. */
  boolean flag(String keyword) {
    JsonNode value = node.get(keyword);
    if (value == null || !value.isBoolean()) {
      throw error(keyword, "must be true or false");
    }
    return value.booleanValue();
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
    return value.valueStream().toList();
  }

  /** An array of texts. */
  List<String> texts(String keyword) {
    return texts(keyword, node.get(keyword));
  }

  /** An array of texts that stands at or below a keyword. */
  List<String> texts(String keyword, @Nullable JsonNode value) {
    if (value == null || !value.isArray() || !value.valueStream().allMatch(JsonNode::isString)) {
      throw error(keyword, "must be an array of strings");
    }
    return value.valueStream().map(JsonNode::stringValue).toList();
  }

  /** An object. */
  JsonNode object(String keyword) {
    JsonNode value = node.get(keyword);
    if (value == null || !value.isObject()) {
      throw error(keyword, "must be an object");
    }
    return value;
  }
}

package dev.vidrio.model.grammar;

import java.util.LinkedHashSet;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Puts two schemas into one that asks for what both ask for. */
final class SchemaMerge {

  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private SchemaMerge() {}

  /**
   * Merges.
   *
   * @throws dev.vidrio.model.InvalidInputException if a keyword of both has different values that
   *     cannot be combined
   */
  static SchemaPart merge(SchemaPart one, SchemaPart other) {
    requireSameNames(one, other);
    requireSameNames(other, one);
    ObjectNode merged = one.copy();
    Set<String> assertions = new LinkedHashSet<>(other.assertions());
    other
        .node()
        .forEachEntry(
            (keyword, value) -> {
              JsonNode known = merged.get(keyword);
              if (known == null) {
                merged.set(keyword, value);
              } else if (assertions.contains(keyword) && !known.equals(value)) {
                merged.set(keyword, both(other, keyword, known, value));
              }
            });
    return new SchemaPart(one.path(), merged);
  }

  /** Additional properties are those that the same schema does not name, so names must agree. */
  private static void requireSameNames(SchemaPart one, SchemaPart other) {
    JsonNode additional = one.get("additionalProperties");
    boolean says = additional != null && !(additional.isBoolean() && additional.booleanValue());
    JsonNode names = one.node().path("properties");
    if (says) {
      for (String name : other.node().path("properties").propertyNames()) {
        if (!names.has(name)) {
          throw one.error(
              "additionalProperties", "cannot be combined with a schema that names others");
        }
      }
    }
  }

  private static JsonNode both(SchemaPart part, String keyword, JsonNode one, JsonNode other) {
    return switch (keyword) {
      case "required" -> union(one, other);
      case "enum" -> intersection(one, other);
      case "type" -> types(one, other);
      case "properties" -> properties(one, other);
      case "items" -> allOf(one, other);
      case "additionalProperties" -> allOf(one, other);
      case "minimum", "exclusiveMinimum", "minLength", "minItems" ->
          one.decimalValue().compareTo(other.decimalValue()) > 0 ? one : other;
      case "maximum", "exclusiveMaximum", "maxLength", "maxItems" ->
          one.decimalValue().compareTo(other.decimalValue()) < 0 ? one : other;
      default -> throw part.error(keyword, "cannot be combined with another one");
    };
  }

  private static JsonNode union(JsonNode one, JsonNode other) {
    Set<JsonNode> all = new LinkedHashSet<>();
    one.forEach(all::add);
    other.forEach(all::add);
    return array(all);
  }

  private static JsonNode intersection(JsonNode one, JsonNode other) {
    Set<JsonNode> all = new LinkedHashSet<>();
    one.forEach(all::add);
    Set<JsonNode> both = new LinkedHashSet<>();
    other.forEach(both::add);
    all.retainAll(both);
    return array(all);
  }

  private static JsonNode types(JsonNode one, JsonNode other) {
    Set<JsonNode> all = new LinkedHashSet<>();
    for (JsonNode a : one.isArray() ? one : array(Set.of(one))) {
      for (JsonNode b : other.isArray() ? other : array(Set.of(other))) {
        if (a.equals(b) || (isText(a, "integer") && isText(b, "number"))) {
          all.add(a);
        } else if (isText(b, "integer") && isText(a, "number")) {
          all.add(b);
        }
      }
    }
    return array(all);
  }

  private static boolean isText(JsonNode node, String text) {
    return node.isString() && node.stringValue().equals(text);
  }

  private static JsonNode properties(JsonNode one, JsonNode other) {
    ObjectNode merged = NODES.objectNode();
    one.forEachEntry(merged::set);
    other.forEachEntry(
        (name, schema) -> {
          JsonNode known = merged.get(name);
          merged.set(name, known == null || known.equals(schema) ? schema : allOf(known, schema));
        });
    return merged;
  }

  private static JsonNode allOf(JsonNode one, JsonNode other) {
    ObjectNode both = NODES.objectNode();
    both.set("allOf", NODES.arrayNode().add(one).add(other));
    return both;
  }

  private static ArrayNode array(Set<JsonNode> items) {
    ArrayNode array = NODES.arrayNode();
    items.forEach(array::add);
    return array;
  }
}

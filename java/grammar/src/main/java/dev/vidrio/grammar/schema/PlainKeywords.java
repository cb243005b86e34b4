package dev.vidrio.grammar.schema;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Puts plain keywords in place of those whose meaning depends on what other schemas evaluate, or on
 * how a schema was reached, where it does not: {@code unevaluatedProperties} and {@code
 * unevaluatedItems} of a schema that no other one applies in place of, and references to dynamic
 * anchors of which there is no second one of that name.
 */
final class PlainKeywords {

  /** Keywords whose schemas speak of the same value, and so of its properties and items too. */
  private static final List<String> IN_PLACE =
      List.of(
          "allOf",
          "anyOf",
          "oneOf",
          "if",
          "then",
          "else",
          "dependentSchemas",
          "dependencies",
          "$ref",
          "$dynamicRef",
          "$recursiveRef");

  private PlainKeywords() {}

  /** Rewrites the schemas of a document. */
  static void rewrite(Collection<JsonNode> schemas) {
    boolean dynamic = hasSecond(schemas, "$dynamicAnchor");
    boolean recursive = hasSecond(schemas, "$recursiveAnchor");
    for (JsonNode schema : schemas) {
      if (schema instanceof ObjectNode object) {
        if (!dynamic) {
          rename(object, "$dynamicRef", "$ref");
        }
        if (!recursive) {
          rename(object, "$recursiveRef", "$ref");
        }
        if (IN_PLACE.stream().noneMatch(object::has)) {
          unevaluated(object);
        }
      }
    }
  }

  /** Whether two schemas have the same value at a keyword. */
  private static boolean hasSecond(Collection<JsonNode> schemas, String keyword) {
    Set<JsonNode> values = new HashSet<>();
    return schemas.stream()
        .map(schema -> schema.get(keyword))
        .anyMatch(value -> value != null && !values.add(value));
  }

  private static void rename(ObjectNode schema, String from, String to) {
    if (!schema.has(to)) {
      JsonNode value = schema.remove(from);
      if (value != null) {
        schema.set(to, value);
      }
    }
  }

  private static void unevaluated(ObjectNode schema) {
    rest(schema, "unevaluatedProperties", "additionalProperties");
    // Items that are counted are evaluated, and those of earlier drafts had other keywords.
    JsonNode items = schema.get("items");
    if (!schema.has("contains") && (items == null || !items.isArray())) {
      rest(schema, "unevaluatedItems", "items");
    }
  }

  /**
   * What is not evaluated is what is left by the keywords beside it; nothing where one takes all.
   */
  private static void rest(ObjectNode schema, String unevaluated, String others) {
    JsonNode value = schema.get(unevaluated);
    if (value != null && (value.isObject() || value.isBoolean())) {
      rename(schema, unevaluated, others);
      schema.remove(unevaluated);
    }
  }
}

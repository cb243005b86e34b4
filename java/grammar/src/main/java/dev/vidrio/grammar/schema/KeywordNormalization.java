package dev.vidrio.grammar.schema;

import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Replaces context-dependent keywords by plain ones where the context does not matter: {@code
 * unevaluatedProperties} and {@code unevaluatedItems} of a schema without in-place applicators, and
 * references to dynamic anchors with a unique name.
 */
final class KeywordNormalization {

  /**
   * Keywords with subschemas that apply to the same instance, and so to its properties and items
   * too (in-place applicators).
   */
  private static final Set<String> IN_PLACE =
      Keywords.words(
          """
          allOf anyOf oneOf if then else dependentSchemas dependencies $ref $dynamicRef
          $recursiveRef
          """);

  private KeywordNormalization() {}

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

  /** Returns whether two schemas have equal values of a keyword. */
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
    // Counted items are evaluated, and earlier drafts use other keywords.
    JsonNode items = schema.get("items");
    if (!schema.has("contains") && (items == null || !items.isArray())) {
      rest(schema, "unevaluatedItems", "items");
    }
  }

  /**
   * Replaces an unevaluated keyword by the corresponding additional keyword, or removes it if that
   * is present.
   */
  private static void rest(ObjectNode schema, String unevaluated, String others) {
    JsonNode value = schema.get(unevaluated);
    if (value != null && (value.isObject() || value.isBoolean())) {
      rename(schema, unevaluated, others);
      schema.remove(unevaluated);
    }
  }
}

package dev.vidrio.grammar.schema;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** The keywords of JSON schemas: of draft 2020-12, and what earlier drafts had in their place. */
final class Keywords {

  static final List<String> TYPES =
      List.of("object", "array", "string", "number", "integer", "boolean", "null");

  static final Set<String> OF_OBJECTS =
      Set.of(
          "properties",
          "required",
          "additionalProperties",
          "patternProperties",
          "propertyNames",
          "minProperties",
          "maxProperties",
          "dependentRequired",
          "dependentSchemas",
          "dependencies",
          "unevaluatedProperties");

  static final Set<String> OF_ARRAYS =
      Set.of(
          "items",
          "prefixItems",
          "additionalItems",
          "minItems",
          "maxItems",
          "uniqueItems",
          "contains",
          "minContains",
          "maxContains",
          "unevaluatedItems");

  static final Set<String> OF_STRINGS = Set.of("minLength", "maxLength", "pattern", "format");

  static final List<String> BOUNDS =
      List.of("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum");

  static final Set<String> OF_NUMBERS =
      Set.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf");

  private static final Set<String> GENERAL =
      Set.of(
          "type", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "then", "else", "$ref");

  /** What depends on how a schema was reached. */
  private static final Set<String> REFUSED =
      Set.of("$dynamicRef", "$recursiveRef", "unevaluatedItems");

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
          "contentEncoding",
          "contentMediaType",
          "contentSchema",
          "$comment",
          "$schema",
          "$vocabulary",
          "$id",
          "$anchor",
          "$dynamicAnchor",
          "$recursiveAnchor",
          "$defs",
          "definitions");

  private static final List<Set<String>> ASSERTIONS =
      List.of(OF_OBJECTS, OF_ARRAYS, OF_STRINGS, OF_NUMBERS, GENERAL, REFUSED);

  private Keywords() {}

  static boolean isAssertion(String keyword) {
    return ASSERTIONS.stream().anyMatch(set -> set.contains(keyword));
  }

  /**
   * Requires that a schema's keywords can be read. Unknown ones ask for nothing, as the
   * specification has it; but not those that are a known one but for a slip.
   */
  static void check(SchemaPart part) {
    for (String keyword : part.node().propertyNames()) {
      if (REFUSED.contains(keyword)) {
        throw part.error(keyword, "is not supported");
      }
      if (!isAssertion(keyword) && !ANNOTATIONS.contains(keyword)) {
        for (Set<String> known : ASSERTIONS) {
          slip(keyword, known)
              .ifPresent(
                  meant -> {
                    throw part.error(keyword, "is not a keyword; is '" + meant + "' meant?");
                  });
        }
      }
    }
  }

  /** The name among known ones that another one is but for its case, hyphens, or one letter. */
  static Optional<String> slip(String name, Collection<String> known) {
    if (name.startsWith("_")) {
      return Optional.empty(); // put out of force on purpose
    }
    String plain = plain(name);
    return known.stream()
        .filter(each -> plain.equals(plain(each)) || (each.length() > 5 && isNear(name, each)))
        .findFirst();
  }

  private static String plain(String name) {
    return name.replace("-", "").replace("_", "").toLowerCase(Locale.ROOT);
  }

  /** Whether one letter too many, too few or another one, or two in turn, make the difference. */
  private static boolean isNear(String a, String b) {
    int shorter = Math.min(a.length(), b.length());
    if (Math.abs(a.length() - b.length()) > 1) {
      return false;
    }
    int same = 0;
    while (same < shorter && a.charAt(same) == b.charAt(same)) {
      same++;
    }
    int equal = 0;
    while (equal < shorter - same
        && a.charAt(a.length() - 1 - equal) == b.charAt(b.length() - 1 - equal)) {
      equal++;
    }
    int between = Math.max(a.length(), b.length()) - same - equal;
    return between <= 1
        || (between == 2
            && a.length() == b.length()
            && a.charAt(same) == b.charAt(same + 1)
            && a.charAt(same + 1) == b.charAt(same));
  }
}

package dev.vidrio.grammar.schema;

import static java.util.stream.Collectors.toUnmodifiableSet;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** The keywords of JSON Schema draft 2020-12, and their equivalents of earlier drafts. */
final class Keywords {

  static final List<String> TYPES =
      List.of("object", "array", "string", "number", "integer", "boolean", "null");

  /** The keywords of the properties of {@link Conjunction#count}, by the type that has them. */
  static final Map<String, String> COUNTED =
      Map.of("object", "Properties", "array", "Items", "string", "Length");

  static final List<String> BOUNDS =
      List.of("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum");

  /** The keywords that constrain only values of one type, by the type. */
  private static final Map<String, Set<String>> OF_TYPE =
      Map.of(
          "object",
          words(
              """
              properties required additionalProperties patternProperties propertyNames minProperties
              maxProperties dependentRequired dependentSchemas dependencies unevaluatedProperties
              """),
          "array",
          words(
              """
              items prefixItems additionalItems minItems maxItems uniqueItems contains minContains
              maxContains unevaluatedItems
              """),
          "string",
          words("minLength maxLength pattern format"),
          "number",
          words("minimum maximum exclusiveMinimum exclusiveMaximum multipleOf"));

  private static final Set<String> GENERAL =
      words("type enum const anyOf oneOf allOf not if then else $ref");

  /** Keywords that depend on how a schema was reached. */
  private static final Set<String> UNSUPPORTED =
      words("$dynamicRef $recursiveRef unevaluatedItems");

  /** Keywords that constrain nothing. */
  private static final Set<String> ANNOTATIONS =
      words(
          """
          title description default examples deprecated readOnly writeOnly contentEncoding
          contentMediaType contentSchema $comment $schema $vocabulary $id $anchor $dynamicAnchor
          $recursiveAnchor $defs definitions
          """);

  private static final Set<String> ASSERTIONS =
      Stream.concat(
              OF_TYPE.values().stream().flatMap(Set::stream),
              Stream.concat(GENERAL.stream(), UNSUPPORTED.stream()))
          .collect(toUnmodifiableSet());

  private Keywords() {}

  /** Returns the words of a text. */
  static Set<String> words(String text) {
    return Arrays.stream(text.strip().split("\\s+")).collect(toUnmodifiableSet());
  }

  /** Returns the type of value that a keyword constrains, if it is only one. */
  static Optional<String> type(String keyword) {
    return TYPES.stream()
        .filter(type -> OF_TYPE.getOrDefault(type, Set.of()).contains(keyword))
        .findFirst();
  }

  static boolean isAssertion(String keyword) {
    return ASSERTIONS.contains(keyword);
  }

  /**
   * Checks the keywords of a schema. Unknown keywords constrain nothing, as the specification
   * demands, except apparent misspellings, which are rejected.
   */
  static void check(Subschema part) {
    for (String keyword : part.node().propertyNames()) {
      if (UNSUPPORTED.contains(keyword)) {
        throw part.error(keyword, "is not supported");
      }
      if (!isAssertion(keyword) && !ANNOTATIONS.contains(keyword)) {
        misspelled(keyword, ASSERTIONS)
            .ifPresent(
                meant -> {
                  throw part.error(keyword, "is not a keyword; did you mean '" + meant + "'?");
                });
      }
    }
  }

  /** Returns the known name from which another differs only by case, hyphens, or one letter. */
  static Optional<String> misspelled(String name, Collection<String> known) {
    if (name.startsWith("_")) {
      return Optional.empty(); // disabled on purpose
    }
    String plain = plain(name);
    return known.stream()
        .filter(each -> plain.equals(plain(each)) || (each.length() > 5 && isNear(name, each)))
        .findFirst();
  }

  private static String plain(String name) {
    return name.replace("-", "").replace("_", "").toLowerCase(Locale.ROOT);
  }

  /**
   * Returns whether the names differ by one inserted, removed or replaced letter, or by two swapped
   * ones.
   */
  private static boolean isNear(String a, String b) {
    int i = Arrays.mismatch(a.toCharArray(), b.toCharArray());
    if (i < 0) {
      return true;
    }
    String restOfA = a.substring(Math.min(i + 1, a.length()));
    String restOfB = b.substring(Math.min(i + 1, b.length()));
    boolean swapped =
        !restOfA.isEmpty()
            && !restOfB.isEmpty()
            && a.charAt(i) == b.charAt(i + 1)
            && a.charAt(i + 1) == b.charAt(i)
            && restOfA.substring(1).equals(restOfB.substring(1));
    return restOfA.equals(restOfB)
        || restOfA.equals(b.substring(i))
        || restOfB.equals(a.substring(i))
        || swapped;
  }
}

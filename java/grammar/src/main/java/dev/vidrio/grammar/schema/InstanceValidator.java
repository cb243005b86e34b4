package dev.vidrio.grammar.schema;

import java.math.BigDecimal;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * Decides whether a value satisfies a schema. Where that is uncertain, as with a format that is
 * only partly supported, neither the schema nor its negation holds.
 */
final class InstanceValidator {

  private static final int MAX_DEPTH = 100;

  private final SchemaDocument document;
  private final TextMatcher matcher;
  private int depth;

  InstanceValidator(SchemaDocument document, TextMatcher matcher) {
    this.document = document;
    this.matcher = matcher;
  }

  /** Returns whether two values are equal: numbers by value, objects without order. */
  static boolean equal(JsonNode one, JsonNode other) {
    if (one.isNumber() && other.isNumber()) {
      return one.decimalValue().compareTo(other.decimalValue()) == 0;
    }
    if (one.isArray() && other.isArray()) {
      return one.size() == other.size()
          && IntStream.range(0, one.size()).allMatch(i -> equal(one.get(i), other.get(i)));
    }
    if (one.isObject() && other.isObject()) {
      return one.size() == other.size()
          && one.properties().stream()
              .allMatch(
                  each ->
                      other.has(each.getKey()) && equal(each.getValue(), other.get(each.getKey())));
    }
    return one.equals(other);
  }

  boolean holdAll(Collection<Term> terms, JsonNode value) {
    return terms.stream().allMatch(term -> holds(term, value));
  }

  boolean holds(Term term, JsonNode value) {
    return holds(term.part(), value, !term.negated());
  }

  /** Returns the values that satisfy several schemas, if one of them enumerates its values. */
  Optional<List<JsonNode>> values(Set<Term> terms) {
    return terms.stream()
        .filter(term -> !term.negated())
        .map(term -> listed(term.part(), 0))
        .flatMap(Optional::stream)
        .findFirst()
        .map(values -> values.stream().filter(value -> holdAll(terms, value)).toList());
  }

  private Optional<List<JsonNode>> listed(Subschema part, int steps) {
    if (part.has("const")) {
      return Optional.of(List.of(part.node().get("const")));
    }
    if (part.has("enum")) {
      return Optional.of(part.list("enum"));
    }
    if (part.has("$ref") && steps < MAX_DEPTH) {
      return listed(document.referred(part), steps + 1);
    }
    return Optional.empty();
  }

  /** Returns whether certainly no value of several schemas satisfies another one. */
  boolean neverHold(Set<Term> terms, Subschema other) {
    Optional<List<JsonNode>> values = values(terms);
    if (values.isPresent()) {
      return values.get().stream().allMatch(value -> holds(other, value, false));
    }
    Set<String> types = Set.copyOf(types(other, 0));
    if (types.isEmpty()) {
      return false;
    }
    return terms.stream()
        .filter(term -> !term.negated())
        .map(term -> types(term.part(), 0))
        .anyMatch(
            each ->
                !each.isEmpty()
                    && each.stream().noneMatch(types::contains)
                    && !(each.contains("integer") && types.contains("number"))
                    && !(each.contains("number") && types.contains("integer")));
  }

  private List<String> types(Subschema part, int steps) {
    if (part.has("type")) {
      return part.types();
    }
    return part.has("$ref") && steps < MAX_DEPTH
        ? types(document.referred(part), steps + 1)
        : List.of();
  }

  /**
   * Returns whether a value certainly satisfies a schema or, if not {@code wanted}, certainly
   * violates it.
   */
  private boolean holds(Subschema part, JsonNode value, boolean wanted) {
    if (part.node().isBoolean()) {
      return part.node().booleanValue() == wanted;
    }
    if (++depth > MAX_DEPTH) {
      throw part.error(part.has("$ref") ? "$ref" : "allOf", "refers to itself");
    }
    Predicate<String> holds = keyword -> holds(part, keyword, value, wanted);
    boolean result =
        wanted
            ? part.assertions().stream().allMatch(holds)
            : part.assertions().stream().anyMatch(holds);
    depth--;
    return result;
  }

  private boolean holds(Subschema part, String keyword, JsonNode value, boolean wanted) {
    return switch (keyword) {
      case "type" -> part.types().stream().anyMatch(type -> isOf(type, value)) == wanted;
      case "enum" -> part.list(keyword).stream().anyMatch(each -> equal(each, value)) == wanted;
      case "const" -> equal(part.node().get(keyword), value) == wanted;
      case "$ref" -> holds(document.referred(part), value, wanted);
      case "not" -> holds(document.below(part, keyword), value, !wanted);
      case "allOf" -> {
        Predicate<Subschema> each = one -> holds(one, value, wanted);
        yield wanted
            ? document.each(part, keyword).stream().allMatch(each)
            : document.each(part, keyword).stream().anyMatch(each);
      }
      case "anyOf" -> {
        Predicate<Subschema> each = one -> holds(one, value, wanted);
        yield wanted
            ? document.each(part, keyword).stream().anyMatch(each)
            : document.each(part, keyword).stream().allMatch(each);
      }
      case "oneOf" -> oneOf(document.each(part, keyword), value, wanted);
      case "if" -> condition(part, value, wanted);
      case "then", "else", "minContains", "maxContains" -> wanted;
      default -> {
        if (Keywords.OF_OBJECTS.contains(keyword)) {
          yield value.isObject() ? object(part, keyword, value, wanted) : wanted;
        }
        if (Keywords.OF_ARRAYS.contains(keyword)) {
          yield value.isArray() ? array(part, keyword, value, wanted) : wanted;
        }
        if (Keywords.OF_STRINGS.contains(keyword)) {
          yield value.isString() ? string(part, keyword, value.stringValue(), wanted) : wanted;
        }
        yield value.isNumber() ? number(part, keyword, value.decimalValue()) == wanted : wanted;
      }
    };
  }

  private boolean oneOf(List<Subschema> parts, JsonNode value, boolean wanted) {
    long certain = parts.stream().filter(each -> holds(each, value, true)).count();
    long never = parts.stream().filter(each -> holds(each, value, false)).count();
    return wanted
        ? certain == 1 && never == parts.size() - 1
        : certain > 1 || never == parts.size();
  }

  private boolean condition(Subschema part, JsonNode value, boolean wanted) {
    Subschema condition = document.below(part, "if");
    boolean asThen =
        holds(part.has("then") ? document.below(part, "then") : Subschema.ANYTHING, value, wanted);
    boolean asElse =
        holds(part.has("else") ? document.below(part, "else") : Subschema.ANYTHING, value, wanted);
    return (holds(condition, value, true) && asThen) || (holds(condition, value, false) && asElse);
  }

  private boolean object(Subschema part, String keyword, JsonNode value, boolean wanted) {
    return switch (keyword) {
      case "properties", "patternProperties", "additionalProperties" ->
          value.properties().stream()
                  .allMatch(each -> property(part, keyword, each.getKey(), each.getValue(), true))
              ? wanted
              : !wanted
                  && value.properties().stream()
                      .anyMatch(
                          each -> property(part, keyword, each.getKey(), each.getValue(), false));
      case "required" -> part.texts(keyword).stream().allMatch(value::has) == wanted;
      case "minProperties" -> value.size() >= part.count(keyword, false) == wanted;
      case "maxProperties" -> value.size() <= part.count(keyword, true) == wanted;
      case "propertyNames" -> {
        Subschema names = document.below(part, keyword);
        Predicate<String> each =
            name -> holds(names, JsonNodeFactory.instance.stringNode(name), wanted);
        yield wanted
            ? value.propertyNames().stream().allMatch(each)
            : value.propertyNames().stream().anyMatch(each);
      }
      case "dependentRequired", "dependentSchemas", "dependencies" -> {
        Predicate<Map.Entry<String, JsonNode>> each =
            one ->
                value.has(one.getKey())
                    && dependency(part, keyword, one.getKey(), one.getValue(), value, wanted);
        yield wanted
            ? part.object(keyword).properties().stream()
                .allMatch(one -> !value.has(one.getKey()) || each.test(one))
            : part.object(keyword).properties().stream().anyMatch(each);
      }
      default -> false; // unevaluatedProperties
    };
  }

  private boolean dependency(
      Subschema part, String keyword, String name, JsonNode then, JsonNode value, boolean wanted) {
    return then.isArray()
        ? part.texts(keyword, then).stream().allMatch(value::has) == wanted
        : holds(document.below(part, keyword, name, then), value, wanted);
  }

  /**
   * Returns whether a property certainly satisfies or, if not {@code wanted}, certainly violates a
   * keyword.
   */
  private boolean property(
      Subschema part, String keyword, String name, JsonNode value, boolean wanted) {
    JsonNode named = part.has("properties") ? part.object("properties").get(name) : null;
    if (keyword.equals("properties")) {
      return named == null
          ? wanted
          : holds(document.below(part, keyword, name, named), value, wanted);
    }
    boolean matched = false;
    boolean kept = true;
    boolean broken = false;
    if (part.has("patternProperties")) {
      for (Map.Entry<String, JsonNode> each : part.object("patternProperties").properties()) {
        if (matcher.matches(part, each.getKey(), name)) {
          Subschema schema =
              document.below(part, "patternProperties", each.getKey(), each.getValue());
          matched = true;
          kept &= holds(schema, value, true);
          broken |= holds(schema, value, false);
        }
      }
    }
    if (keyword.equals("patternProperties")) {
      return wanted ? kept : broken;
    }
    return (named != null || matched)
        ? wanted
        : holds(document.below(part, keyword), value, wanted);
  }

  private boolean array(Subschema part, String keyword, JsonNode value, boolean wanted) {
    boolean list = part.has("items") && part.node().get("items").isArray();
    return switch (keyword) {
      case "prefixItems", "items" -> {
        if (part.node().get(keyword).isArray()) {
          List<Subschema> first = document.each(part, keyword);
          yield all(
              IntStream.range(0, Math.min(first.size(), value.size()))
                  .mapToObj(i -> holds(first.get(i), value.get(i), wanted)),
              wanted);
        }
        int from = part.has("prefixItems") ? part.list("prefixItems").size() : 0;
        yield rest(part, keyword, from, value, wanted);
      }
      case "additionalItems" ->
          list ? rest(part, keyword, part.list("items").size(), value, wanted) : wanted;
      case "minItems" -> value.size() >= part.count(keyword, false) == wanted;
      case "maxItems" -> value.size() <= part.count(keyword, true) == wanted;
      case "uniqueItems" -> (!part.flag(keyword) || isUnique(value)) == wanted;
      case "contains" -> {
        Subschema item = document.below(part, keyword);
        long certain = value.valueStream().filter(each -> holds(item, each, true)).count();
        long possible =
            value.size() - value.valueStream().filter(each -> holds(item, each, false)).count();
        int min = part.has("minContains") ? part.count("minContains", false) : 1;
        int max = part.has("maxContains") ? part.count("maxContains", true) : value.size();
        yield wanted ? certain >= min && possible <= max : possible < min || certain > max;
      }
      default -> false; // unevaluatedItems
    };
  }

  private boolean rest(Subschema part, String keyword, int from, JsonNode value, boolean wanted) {
    Subschema item = document.below(part, keyword);
    return all(
        IntStream.range(Math.min(from, value.size()), value.size())
            .mapToObj(i -> holds(item, value.get(i), wanted)),
        wanted);
  }

  private static boolean all(Stream<Boolean> each, boolean wanted) {
    return wanted ? each.allMatch(Boolean::booleanValue) : each.anyMatch(Boolean::booleanValue);
  }

  private static boolean isUnique(JsonNode array) {
    for (int i = 0; i < array.size(); i++) {
      for (int j = 0; j < i; j++) {
        if (equal(array.get(i), array.get(j))) {
          return false;
        }
      }
    }
    return true;
  }

  private boolean string(Subschema part, String keyword, String value, boolean wanted) {
    int length = value.codePointCount(0, value.length());
    return switch (keyword) {
      case "minLength" -> length >= part.count(keyword, false) == wanted;
      case "maxLength" -> length <= part.count(keyword, true) == wanted;
      case "pattern" -> matcher.matches(part, part.text(keyword), value) == wanted;
      default ->
          StringFormats.isKnown(part)
              ? wanted && matcher.format(part.text(keyword), false).matches(value)
              : wanted;
    };
  }

  private static boolean number(Subschema part, String keyword, BigDecimal value) {
    if (keyword.equals("multipleOf")) {
      BigDecimal of = part.number(keyword);
      return of.signum() > 0 && isMultiple(value, of);
    }
    return KeywordReader.bound(part, keyword).map(bound -> bound.allows(value)).orElse(true);
  }

  private static boolean isMultiple(BigDecimal value, BigDecimal of) {
    return value.scale() < 1000
        && value.precision() - value.scale() < 1000
        && of.scale() < 1000
        && value.remainder(of).signum() == 0;
  }

  private static boolean isOf(String type, JsonNode value) {
    return switch (type) {
      case "object" -> value.isObject();
      case "array" -> value.isArray();
      case "string" -> value.isString();
      case "number" -> value.isNumber();
      case "integer" -> value.isNumber() && value.canConvertToExactIntegral();
      case "boolean" -> value.isBoolean();
      default -> value.isNull();
    };
  }
}

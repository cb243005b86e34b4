package dev.vidrio.grammar.schema;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * Decides whether a value satisfies a schema, in three-valued logic (Kleene, 1938). Where that is
 * uncertain, as with a format that is only partly supported, neither the schema nor its negation
 * holds.
 */
final class InstanceValidator {

  /** A truth value; a conjunction has the lowest of its parts, a disjunction the highest. */
  private enum Truth {
    FALSE,
    UNCERTAIN,
    TRUE;

    static Truth of(boolean certain) {
      return certain ? TRUE : FALSE;
    }

    Truth negated() {
      return switch (this) {
        case FALSE -> TRUE;
        case UNCERTAIN -> UNCERTAIN;
        case TRUE -> FALSE;
      };
    }

    /** Returns the conjunction of lazily computed values. */
    static Truth all(Stream<Truth> each) {
      Truth lowest = TRUE;
      for (Iterator<Truth> next = each.iterator(); lowest != FALSE && next.hasNext(); ) {
        lowest = Collections.min(List.of(lowest, next.next()));
      }
      return lowest;
    }

    /** Returns the disjunction of lazily computed values. */
    static Truth any(Stream<Truth> each) {
      return all(each.map(Truth::negated)).negated();
    }
  }

  private static final int MAX_DEPTH = 100;

  /** The maximum number of steps for all values of a document. */
  private static final int MAX_STEPS = 20_000_000;

  private final SchemaDocument document;
  private final TextMatcher matcher;
  private final IdentityHashMap<JsonNode, Set<Object>> enumerated = new IdentityHashMap<>();
  private int depth;
  private long steps;

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

  /** Returns an object that equals that of another value if the values are equal. */
  private static Object key(JsonNode value) {
    if (value.isNumber()) {
      return value.decimalValue().stripTrailingZeros();
    }
    if (value.isArray()) {
      return value.valueStream().map(InstanceValidator::key).toList();
    }
    if (value.isObject()) {
      return value.properties().stream()
          .collect(Collectors.toMap(Map.Entry::getKey, each -> key(each.getValue())));
    }
    return value;
  }

  private boolean isListed(Subschema part, JsonNode value) {
    Set<Object> keys =
        enumerated.computeIfAbsent(
            part.node().get("enum"),
            _ ->
                part.list("enum").stream().map(InstanceValidator::key).collect(Collectors.toSet()));
    return keys.contains(key(value));
  }

  /** Counts the steps of checking a value. */
  private void step(Subschema part, String keyword, long count) {
    steps += count;
    if (steps > MAX_STEPS) {
      throw part.error(keyword, "needs more than " + MAX_STEPS + " steps to check its values");
    }
  }

  boolean holdAll(Collection<Term> terms, JsonNode value) {
    return terms.stream().allMatch(term -> holds(term, value));
  }

  boolean holds(Term term, JsonNode value) {
    return truth(term.part(), value) == Truth.of(!term.negated());
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
      return values.get().stream().allMatch(value -> truth(other, value) == Truth.FALSE);
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

  private Truth truth(Subschema part, JsonNode value) {
    if (part.node().isBoolean()) {
      return Truth.of(part.node().booleanValue());
    }
    if (++depth > MAX_DEPTH) {
      throw part.error(part.has("$ref") ? "$ref" : "allOf", "refers to itself");
    }
    Truth truth = Truth.all(part.assertions().stream().map(keyword -> truth(part, keyword, value)));
    depth--;
    return truth;
  }

  private Truth truth(Subschema part, String keyword, JsonNode value) {
    boolean isEnum = keyword.equals("enum");
    step(part, keyword, 1 + value.size() + (isEnum ? 0 : part.node().get(keyword).size()));
    return switch (keyword) {
      case "type" -> Truth.of(part.types().stream().anyMatch(type -> isOf(type, value)));
      case "enum" -> Truth.of(isListed(part, value));
      case "const" -> Truth.of(equal(part.node().get(keyword), value));
      case "$ref" -> truth(document.referred(part), value);
      case "not" -> below(part, keyword, value).negated();
      case "allOf" -> Truth.all(each(part, keyword, value));
      case "anyOf" -> Truth.any(each(part, keyword, value));
      case "oneOf" -> oneOf(each(part, keyword, value).toList());
      case "if" ->
          switch (below(part, keyword, value)) {
            case TRUE -> belowIfPresent(part, "then", value);
            case UNCERTAIN -> Truth.UNCERTAIN;
            case FALSE -> belowIfPresent(part, "else", value);
          };
      case "then", "else", "minContains", "maxContains" -> Truth.TRUE;
      default ->
          switch (Keywords.type(keyword).orElseThrow()) {
            case "object" -> value.isObject() ? object(part, keyword, value) : Truth.TRUE;
            case "array" -> value.isArray() ? array(part, keyword, value) : Truth.TRUE;
            case "string" ->
                value.isString() ? string(part, keyword, value.stringValue()) : Truth.TRUE;
            default -> Truth.of(!value.isNumber() || number(part, keyword, value.decimalValue()));
          };
    };
  }

  private Truth below(Subschema part, String keyword, JsonNode value) {
    return truth(document.below(part, keyword), value);
  }

  private Truth belowIfPresent(Subschema part, String keyword, JsonNode value) {
    return part.has(keyword) ? below(part, keyword, value) : Truth.TRUE;
  }

  private Stream<Truth> each(Subschema part, String keyword, JsonNode value) {
    return document.each(part, keyword).stream().map(each -> truth(each, value));
  }

  private static Truth oneOf(List<Truth> parts) {
    int certain = Collections.frequency(parts, Truth.TRUE);
    int never = Collections.frequency(parts, Truth.FALSE);
    return certain > 1 || never == parts.size()
        ? Truth.FALSE
        : certain == 1 && never == parts.size() - 1 ? Truth.TRUE : Truth.UNCERTAIN;
  }

  private Truth object(Subschema part, String keyword, JsonNode value) {
    return switch (keyword) {
      case "properties", "patternProperties", "additionalProperties" ->
          Truth.all(
              value.properties().stream()
                  .map(each -> property(part, keyword, each.getKey(), each.getValue())));
      case "required" -> Truth.of(part.texts(keyword).stream().allMatch(value::has));
      case "minProperties" -> Truth.of(value.size() >= part.count(keyword, false));
      case "maxProperties" -> Truth.of(value.size() <= part.count(keyword, true));
      case "propertyNames" ->
          Truth.all(
              value.propertyNames().stream()
                  .map(name -> below(part, keyword, JsonNodeFactory.instance.stringNode(name))));
      case "dependentRequired", "dependentSchemas", "dependencies" ->
          Truth.all(
              part.object(keyword).properties().stream()
                  .filter(each -> value.has(each.getKey()))
                  .map(each -> dependency(part, keyword, each.getKey(), each.getValue(), value)));
      default -> Truth.UNCERTAIN; // unevaluatedProperties
    };
  }

  private Truth dependency(
      Subschema part, String keyword, String name, JsonNode then, JsonNode value) {
    return then.isArray()
        ? Truth.of(part.texts(keyword, then).stream().allMatch(value::has))
        : truth(document.below(part, keyword, name, then), value);
  }

  /** Returns whether a property satisfies a keyword. */
  private Truth property(Subschema part, String keyword, String name, JsonNode value) {
    JsonNode named = part.has("properties") ? part.object("properties").get(name) : null;
    if (keyword.equals("properties")) {
      return named == null ? Truth.TRUE : truth(document.below(part, keyword, name, named), value);
    }
    List<Subschema> matched = new ArrayList<>();
    if (part.has("patternProperties")) {
      Set<Map.Entry<String, JsonNode>> patterns = part.object("patternProperties").properties();
      step(part, "patternProperties", patterns.size());
      for (Map.Entry<String, JsonNode> each : patterns) {
        if (matcher.matches(part, each.getKey(), name)) {
          matched.add(document.below(part, "patternProperties", each.getKey(), each.getValue()));
        }
      }
    }
    if (keyword.equals("patternProperties")) {
      return Truth.all(matched.stream().map(each -> truth(each, value)));
    }
    return named == null && matched.isEmpty() ? below(part, keyword, value) : Truth.TRUE;
  }

  private Truth array(Subschema part, String keyword, JsonNode value) {
    boolean list = part.has("items") && part.node().get("items").isArray();
    return switch (keyword) {
      case "prefixItems", "items" -> {
        if (part.node().get(keyword).isArray()) {
          List<Subschema> first = document.each(part, keyword);
          yield Truth.all(
              IntStream.range(0, Math.min(first.size(), value.size()))
                  .mapToObj(i -> truth(first.get(i), value.get(i))));
        }
        int from = part.has("prefixItems") ? part.list("prefixItems").size() : 0;
        yield rest(part, keyword, from, value);
      }
      case "additionalItems" ->
          list ? rest(part, keyword, part.list("items").size(), value) : Truth.TRUE;
      case "minItems" -> Truth.of(value.size() >= part.count(keyword, false));
      case "maxItems" -> Truth.of(value.size() <= part.count(keyword, true));
      case "uniqueItems" -> Truth.of(!part.flag(keyword) || isUnique(value));
      case "contains" -> {
        List<Truth> each = value.valueStream().map(item -> below(part, keyword, item)).toList();
        int certain = Collections.frequency(each, Truth.TRUE);
        int possible = each.size() - Collections.frequency(each, Truth.FALSE);
        Conjunction.Count count = KeywordReader.contained(part);
        boolean tooMany = count.max() >= 0 && certain > count.max();
        boolean mayBeTooMany = count.max() >= 0 && possible > count.max();
        yield possible < count.min() || tooMany
            ? Truth.FALSE
            : certain < count.min() || mayBeTooMany ? Truth.UNCERTAIN : Truth.TRUE;
      }
      default -> Truth.UNCERTAIN; // unevaluatedItems
    };
  }

  private Truth rest(Subschema part, String keyword, int from, JsonNode value) {
    return Truth.all(value.valueStream().skip(from).map(item -> below(part, keyword, item)));
  }

  private static boolean isUnique(JsonNode array) {
    return array.valueStream().map(InstanceValidator::key).distinct().count() == array.size();
  }

  private Truth string(Subschema part, String keyword, String value) {
    int length = value.codePointCount(0, value.length());
    return switch (keyword) {
      case "minLength" -> Truth.of(length >= part.count(keyword, false));
      case "maxLength" -> Truth.of(length <= part.count(keyword, true));
      case "pattern" -> Truth.of(matcher.matches(part, part.text(keyword), value));
      default ->
          !StringFormats.isKnown(part) || matcher.format(part.text(keyword), false).matches(value)
              ? Truth.TRUE
              : Truth.UNCERTAIN;
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

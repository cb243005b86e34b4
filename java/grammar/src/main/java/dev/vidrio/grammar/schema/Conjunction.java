package dev.vidrio.grammar.schema;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What a value must keep to, all at once: the keywords of some schemas, without alternatives. */
final class Conjunction {

  /** What one schema says of properties; additional are those that it does not name itself. */
  record Properties(
      Map<String, Term> named,
      Map<String, Term> patterns,
      @Nullable Term additional,
      boolean evaluates) {

    /** A property that a negation speaks of. */
    static Properties only(String name, Term value) {
      return new Properties(Map.of(name, value), Map.of(), null, false);
    }
  }

  /** What one schema says of items: the first ones, one by one, and all others. */
  record Items(List<Term> first, @Nullable Term others, boolean evaluates) {}

  /** How many items keep to a schema; without an upper bound if that is −1. */
  record Contained(Term term, int min, int max) {}

  /** A regular expression that a string has a match of, or has not. */
  record Pattern(String path, String regex, boolean negated) {}

  /** A number of which numbers are multiples, or are not. */
  record Multiple(BigDecimal of, boolean negated) {}

  /** A bound of numbers. */
  record Bound(BigDecimal value, boolean exclusive, boolean upper) {
    boolean allows(BigDecimal number) {
      int order = number.compareTo(value) * (upper ? 1 : -1);
      return exclusive ? order < 0 : order <= 0;
    }

    /** What bounds all other numbers. */
    Bound opposite() {
      return new Bound(value, !exclusive, !upper);
    }
  }

  private static final Set<String> ALL_TYPES =
      Set.of("object", "array", "string", "number", "boolean", "null");

  /** Where a message about it points. */
  final SchemaPart at;

  private boolean named;
  private final Set<String> types = new TreeSet<>(ALL_TYPES);
  private final Set<String> about = new TreeSet<>();
  boolean integer;
  @Nullable List<JsonNode> values;
  final List<JsonNode> excluded = new ArrayList<>();

  final List<Properties> properties = new ArrayList<>();
  final Set<String> required = new LinkedHashSet<>();
  final List<Term> propertyNames = new ArrayList<>();
  int minProperties;
  int maxProperties = -1;
  @Nullable Term unevaluated;

  final List<Items> items = new ArrayList<>();
  final List<Contained> contained = new ArrayList<>();
  int minItems;
  int maxItems = -1;
  boolean unique;

  final Set<Pattern> patterns = new LinkedHashSet<>();
  final Set<String> formats = new LinkedHashSet<>();
  int minLength;
  int maxLength = -1;

  final List<Bound> bounds = new ArrayList<>();
  final Set<Multiple> multiples = new LinkedHashSet<>();

  Conjunction(SchemaPart at) {
    this.at = at;
  }

  /** A copy, of which parts may be changed without the other. */
  Conjunction(Conjunction other) {
    this(other.at);
    named = other.named;
    types.retainAll(other.types);
    about.addAll(other.about);
    integer = other.integer;
    values = other.values;
    excluded.addAll(other.excluded);
    properties.addAll(other.properties);
    required.addAll(other.required);
    propertyNames.addAll(other.propertyNames);
    minProperties = other.minProperties;
    maxProperties = other.maxProperties;
    unevaluated = other.unevaluated;
    items.addAll(other.items);
    contained.addAll(other.contained);
    minItems = other.minItems;
    maxItems = other.maxItems;
    unique = other.unique;
    patterns.addAll(other.patterns);
    formats.addAll(other.formats);
    minLength = other.minLength;
    maxLength = other.maxLength;
    bounds.addAll(other.bounds);
    multiples.addAll(other.multiples);
  }

  /** The lower of two upper bounds, of which −1 is none. */
  static int lower(int one, int other) {
    return one < 0 ? other : other < 0 ? one : Math.min(one, other);
  }

  /** Says that a keyword is about a type. */
  void about(String type) {
    about.add(type);
  }

  /** Leaves only these types; integer is a kind of number. */
  void restrict(List<String> names) {
    named = true;
    boolean integers = names.contains("integer") && !names.contains("number");
    integer |= integers;
    types.removeIf(type -> !names.contains(type) && !(integers && type.equals("number")));
  }

  /** Takes types away. */
  void exclude(List<String> names) {
    named = true;
    types.removeAll(names);
  }

  boolean allows(String type) {
    return types.contains(type);
  }

  /**
   * The types that it has: those that are named, otherwise those that keywords are about, otherwise
   * all.
   */
  Set<String> types() {
    return named || about.isEmpty() ? types : about;
  }

  /** Whether nothing is asked for. */
  boolean isAnything() {
    return !named && about.isEmpty() && excluded.isEmpty() && values == null;
  }

  /** Whether no value can keep to it, as far as that is seen at once. */
  boolean isContradiction() {
    return types.isEmpty() || (values != null && values.isEmpty());
  }

  /** What a property must keep to. */
  Set<Term> property(String name, TextMatcher matcher) {
    Set<Term> terms = new LinkedHashSet<>();
    for (Properties each : properties) {
      Term own = each.named.get(name);
      boolean covered = own != null;
      if (own != null) {
        terms.add(own);
      }
      for (Map.Entry<String, Term> pattern : each.patterns.entrySet()) {
        if (matcher.matches(at, pattern.getKey(), name)) {
          covered = true;
          terms.add(pattern.getValue());
        }
      }
      if (!covered && each.additional != null) {
        terms.add(each.additional);
      }
    }
    if (unevaluated != null && !evaluated(name, matcher)) {
      terms.add(unevaluated);
    }
    return terms;
  }

  private boolean evaluated(String name, TextMatcher matcher) {
    return properties.stream()
        .filter(Properties::evaluates)
        .anyMatch(
            each ->
                each.additional != null
                    || each.named.containsKey(name)
                    || each.patterns.keySet().stream()
                        .anyMatch(regex -> matcher.matches(at, regex, name)));
  }

  /** What properties must keep to that no schema names, and that match just these expressions. */
  Set<Term> others(Set<String> matched) {
    Set<Term> terms = new LinkedHashSet<>();
    boolean evaluated = false;
    for (Properties each : properties) {
      boolean covered = false;
      for (Map.Entry<String, Term> pattern : each.patterns.entrySet()) {
        if (matched.contains(pattern.getKey())) {
          covered = true;
          terms.add(pattern.getValue());
        }
      }
      if (!covered && each.additional != null) {
        terms.add(each.additional);
      }
      evaluated |= each.evaluates && (covered || each.additional != null);
    }
    if (unevaluated != null && !evaluated) {
      terms.add(unevaluated);
    }
    return terms;
  }

  /** The names that schemas give, in their order, and then those that are only required. */
  Map<String, Set<Term>> names(TextMatcher matcher) {
    Set<String> names = new LinkedHashSet<>();
    properties.forEach(each -> names.addAll(each.named.keySet()));
    names.addAll(required);
    Map<String, Set<Term>> terms = new LinkedHashMap<>();
    names.forEach(name -> terms.put(name, property(name, matcher)));
    return terms;
  }

  /** Whether no other properties are to be written than those that schemas name. */
  boolean isClosed() {
    boolean says =
        properties.stream().anyMatch(each -> each.additional != null || !each.patterns.isEmpty());
    boolean names = properties.stream().anyMatch(each -> each.evaluates && !each.named.isEmpty());
    return !says && unevaluated == null && (names || !required.isEmpty());
  }

  /** What the i-th item must keep to. */
  Set<Term> item(int i) {
    Set<Term> terms = new LinkedHashSet<>();
    for (Items each : items) {
      if (i < each.first.size()) {
        terms.add(each.first.get(i));
      } else if (each.others != null) {
        terms.add(each.others);
      }
    }
    return terms;
  }

  /** How many items have a schema each. */
  int firstItems() {
    return items.stream().mapToInt(each -> each.first.size()).max().orElse(0);
  }

  /** Whether there are no more items than those that have a schema each, unless they are needed. */
  boolean isClosedArray() {
    return items.stream().allMatch(each -> each.others == null)
        && items.stream().anyMatch(each -> each.evaluates && !each.first.isEmpty());
  }
}

package dev.vidrio.grammar.schema;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The requirements on a value: the keywords of several schemas that must all hold, without
 * alternatives.
 */
final class Conjunction {

  /**
   * The property keywords of one schema. {@code additional} applies to properties that it does not
   * name.
   */
  record Properties(
      Map<String, Term> named,
      Map<String, Term> patterns,
      @Nullable Term additional,
      boolean evaluates) {

    /** Returns the requirement of a negation on one property. */
    static Properties only(String name, Term value) {
      return new Properties(Map.of(name, value), Map.of(), null, false);
    }
  }

  /** The item keywords of one schema: the first items individually, and all others. */
  record Items(List<Term> first, @Nullable Term others, boolean evaluates) {}

  /** A number of properties, items or characters; unbounded if {@code max} is −1. */
  record Count(int min, int max) {
    static final Count ANY = new Count(0, -1);

    Count intersect(Count other) {
      return new Count(Math.max(min, other.min), lower(max, other.max));
    }

    boolean isEmpty() {
      return max >= 0 && max < min;
    }
  }

  /** The number of items that satisfy a schema. */
  record Contained(Term term, Count count) {}

  /** A regular expression that a string must match, or must not. */
  record Pattern(String path, String regex, boolean negated) {}

  /** A number that values must be multiples of, or must not. */
  record Multiple(BigDecimal of, boolean negated) {}

  /** A bound of numbers. */
  record Bound(BigDecimal value, boolean exclusive, boolean upper) {
    boolean allows(BigDecimal number) {
      int order = number.compareTo(value) * (upper ? 1 : -1);
      return exclusive ? order < 0 : order <= 0;
    }

    /** Returns the bound of all other numbers. */
    Bound opposite() {
      return new Bound(value, !exclusive, !upper);
    }
  }

  private static final Set<String> ALL_TYPES =
      Set.of("object", "array", "string", "number", "boolean", "null");

  /** The schema for error messages. */
  final Subschema at;

  private boolean typed;
  private final Set<String> types = new TreeSet<>(ALL_TYPES);
  private final Set<String> implied = new TreeSet<>();
  private final Map<String, Count> counts = new HashMap<>();
  boolean integer;
  @Nullable List<JsonNode> values;
  final List<JsonNode> excluded = new ArrayList<>();

  final List<Properties> properties = new ArrayList<>();
  final Set<String> required = new LinkedHashSet<>();
  final List<Term> propertyNames = new ArrayList<>();
  @Nullable Term unevaluated;

  final List<Items> items = new ArrayList<>();
  final List<Contained> contained = new ArrayList<>();
  boolean unique;

  final Set<Pattern> patterns = new LinkedHashSet<>();
  final Set<String> formats = new LinkedHashSet<>();

  final List<Bound> bounds = new ArrayList<>();
  final Set<Multiple> multiples = new LinkedHashSet<>();

  Conjunction(Subschema at) {
    this.at = at;
  }

  /** Creates an independent copy. */
  Conjunction(Conjunction other) {
    this(other.at);
    typed = other.typed;
    types.retainAll(other.types);
    implied.addAll(other.implied);
    counts.putAll(other.counts);
    integer = other.integer;
    values = other.values;
    excluded.addAll(other.excluded);
    properties.addAll(other.properties);
    required.addAll(other.required);
    propertyNames.addAll(other.propertyNames);
    unevaluated = other.unevaluated;
    items.addAll(other.items);
    contained.addAll(other.contained);
    unique = other.unique;
    patterns.addAll(other.patterns);
    formats.addAll(other.formats);
    bounds.addAll(other.bounds);
    multiples.addAll(other.multiples);
  }

  /** Returns the lower of two upper bounds, where −1 is unbounded. */
  static int lower(int one, int other) {
    return one < 0 ? other : other < 0 ? one : Math.min(one, other);
  }

  /** Records that a keyword applies to a type. */
  void appliesTo(String type) {
    implied.add(type);
  }

  /** Restricts the number of an object's properties, an array's items or a string's characters. */
  void restrict(String type, Count count) {
    appliesTo(type);
    counts.merge(type, count, Count::intersect);
  }

  /** Returns the number of an object's properties, an array's items or a string's characters. */
  Count count(String type) {
    return counts.getOrDefault(type, Count.ANY);
  }

  /**
   * Returns the number of an array's items or an object's properties, which is positive if the
   * empty value is excluded.
   */
  Count countOfContainer(String type, Predicate<JsonNode> is) {
    List<JsonNode> exceptions = excluded.stream().filter(is).toList();
    if (!exceptions.stream().allMatch(JsonNode::isEmpty)) {
      throw at.error("not", "cannot exclude a nonempty " + type);
    }
    return count(type).intersect(new Count(exceptions.isEmpty() ? 0 : 1, -1));
  }

  /** Adds a bound of numbers. */
  void restrict(Bound bound) {
    appliesTo("number");
    bounds.add(bound);
  }

  /** Requires properties. */
  void require(Collection<String> names) {
    appliesTo("object");
    required.addAll(names);
  }

  /** Requires that a property is absent. */
  void forbid(String name) {
    appliesTo("object");
    properties.add(Properties.only(name, Term.of(Subschema.NOTHING)));
  }

  /** Restricts the types; {@code integer} is a kind of {@code number}. */
  void restrict(List<String> names) {
    typed = true;
    boolean integers = names.contains("integer") && !names.contains("number");
    integer |= integers;
    types.removeIf(type -> !names.contains(type) && !(integers && type.equals("number")));
  }

  /** Restricts the values to those of a list. */
  void restrictValues(List<JsonNode> listed) {
    values =
        values == null
            ? listed
            : values.stream()
                .filter(
                    value -> listed.stream().anyMatch(each -> InstanceValidator.equal(value, each)))
                .toList();
  }

  /** Excludes types. */
  void exclude(List<String> names) {
    typed = true;
    types.removeAll(names);
  }

  boolean allows(String type) {
    return types.contains(type);
  }

  /**
   * Returns the possible types: those declared, otherwise those to which keywords apply, otherwise
   * all.
   */
  Set<String> types() {
    return typed || implied.isEmpty() ? types : implied;
  }

  /** Returns whether there are no requirements. */
  boolean isAnything() {
    return !typed && implied.isEmpty() && excluded.isEmpty() && values == null;
  }

  /** Returns whether the requirements are obviously contradictory. */
  boolean isContradiction() {
    return types.isEmpty() || (values != null && values.isEmpty());
  }

  /** Returns the requirements on a property. */
  Set<Term> property(String name, TextMatcher matcher) {
    return property(
        each -> Optional.ofNullable(each.named.get(name)),
        regex -> matcher.matches(at, regex, name));
  }

  /**
   * Returns the requirements on properties that no schema names and that match exactly these
   * patterns.
   */
  Set<Term> others(Set<String> matched) {
    return property(ignored -> Optional.empty(), matched::contains);
  }

  private Set<Term> property(
      Function<Properties, Optional<Term>> named, Predicate<String> matches) {
    Set<Term> terms = new LinkedHashSet<>();
    boolean evaluated = false;
    for (Properties each : properties) {
      List<Term> own = new ArrayList<>(named.apply(each).stream().toList());
      each.patterns.forEach(
          (regex, term) -> {
            if (matches.test(regex)) {
              own.add(term);
            }
          });
      if (own.isEmpty() && each.additional != null) {
        own.add(each.additional);
      }
      terms.addAll(own);
      evaluated |= each.evaluates && !own.isEmpty();
    }
    if (unevaluated != null && !evaluated) {
      terms.add(unevaluated);
    }
    return terms;
  }

  /**
   * Returns the named properties with their requirements, in the schemas' order, then those that
   * are only required.
   */
  Map<String, Set<Term>> names(TextMatcher matcher) {
    Set<String> names = new LinkedHashSet<>();
    properties.forEach(each -> names.addAll(each.named.keySet()));
    names.addAll(required);
    Map<String, Set<Term>> terms = new LinkedHashMap<>();
    names.forEach(name -> terms.put(name, property(name, matcher)));
    return terms;
  }

  /** Returns whether only named properties are generated. */
  boolean isClosed() {
    boolean open =
        properties.stream().anyMatch(each -> each.additional != null || !each.patterns.isEmpty());
    boolean names = properties.stream().anyMatch(each -> each.evaluates && !each.named.isEmpty());
    return !open && unevaluated == null && (names || !required.isEmpty());
  }

  /** Returns the requirements on the i-th item. */
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

  /** Returns the number of items with individual schemas. */
  int firstItems() {
    return items.stream().mapToInt(each -> each.first.size()).max().orElse(0);
  }

  /**
   * Returns whether no more items are generated than those with individual schemas, unless
   * required.
   */
  boolean isClosedArray() {
    return items.stream().allMatch(each -> each.others == null)
        && items.stream().anyMatch(each -> each.evaluates && !each.first.isEmpty());
  }
}

package dev.vidrio.grammar.schema;

import static java.util.stream.Collectors.toSet;

import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Adds keywords without alternatives to a {@link Conjunction}. */
final class KeywordReader {

  private final SchemaDocument document;

  KeywordReader(SchemaDocument document) {
    this.document = document;
  }

  /**
   * Adds the keywords of a schema.
   *
   * @param evaluates whether properties that it names count as evaluated
   */
  void add(Subschema part, Conjunction all, boolean evaluates) {
    if (part.has("type")) {
      all.restrict(part.types());
    }
    if (part.has("enum")) {
      all.restrictValues(part.list("enum"));
    }
    if (part.has("const")) {
      all.restrictValues(List.of(part.node().get("const")));
    }
    Set<String> types =
        part.assertions().stream().map(Keywords::type).flatMap(Optional::stream).collect(toSet());
    if (types.contains("object")) {
      objects(part, all, evaluates);
    }
    if (types.contains("array")) {
      arrays(part, all, evaluates);
    }
    counts(part, all);
    strings(part, all);
    numbers(part, all);
  }

  private void objects(Subschema part, Conjunction all, boolean evaluates) {
    all.appliesTo("object");
    Map<String, Term> named = named(part, "properties");
    Map<String, Term> patterns = named(part, "patternProperties");
    Term additional =
        part.has("additionalProperties")
            ? Term.of(document.below(part, "additionalProperties"))
            : null;
    if (!named.isEmpty() || !patterns.isEmpty() || additional != null) {
      all.properties.add(new Conjunction.Properties(named, patterns, additional, evaluates));
    }
    if (part.has("required") && !part.node().get("required").isBoolean()) {
      all.required.addAll(part.texts("required"));
    }
    if (part.has("propertyNames")) {
      all.propertyNames.add(Term.of(document.below(part, "propertyNames")));
    }
  }

  private Map<String, Term> named(Subschema part, String keyword) {
    Map<String, Term> named = new LinkedHashMap<>();
    if (part.has(keyword)) {
      part.object(keyword)
          .forEachEntry(
              (name, node) -> named.put(name, Term.of(document.below(part, keyword, name, node))));
    }
    return named;
  }

  private void arrays(Subschema part, Conjunction all, boolean evaluates) {
    all.appliesTo("array");
    List<Term> first = part.has("prefixItems") ? each(part, "prefixItems") : List.of();
    String rest = "items";
    // Until draft 2019-09, items could be an array, followed by additionalItems.
    if (part.has("items") && part.node().get("items").isArray()) {
      if (part.has("prefixItems")) {
        throw part.error("items", "must be a schema if there is prefixItems");
      }
      first = each(part, "items");
      rest = "additionalItems";
    }
    Term others = part.has(rest) ? Term.of(document.below(part, rest)) : null;
    if (!first.isEmpty() || others != null) {
      all.items.add(new Conjunction.Items(first, others, evaluates));
    }
    all.unique |= part.has("uniqueItems") && part.flag("uniqueItems");
    if (part.has("contains")) {
      all.contained.add(
          new Conjunction.Contained(Term.of(document.below(part, "contains")), contained(part)));
    }
  }

  /** Returns the declared number of contained items. */
  static Conjunction.Count contained(Subschema part) {
    return new Conjunction.Count(
        part.has("minContains") ? part.count("minContains", false) : 1,
        part.has("maxContains") ? part.count("maxContains", true) : -1);
  }

  private static void counts(Subschema part, Conjunction all) {
    Keywords.COUNTED.forEach(
        (type, counted) -> {
          if (part.has("min" + counted)) {
            int min = part.count("min" + counted, false);
            all.restrict(type, new Conjunction.Count(min, -1));
          }
          if (part.has("max" + counted)) {
            int max = part.count("max" + counted, true);
            all.restrict(type, new Conjunction.Count(0, max));
          }
        });
  }

  private static void strings(Subschema part, Conjunction all) {
    if (part.has("pattern")) {
      all.appliesTo("string");
      all.patterns.add(new Conjunction.Pattern(part.below("pattern"), part.text("pattern"), false));
    }
    if (part.has("format")) {
      NumberFormats.add(part, all);
      if (StringFormats.isKnown(part)) {
        all.appliesTo("string");
        all.formats.add(part.text("format"));
      }
    }
  }

  private static void numbers(Subschema part, Conjunction all) {
    for (String keyword : Keywords.BOUNDS) {
      bound(part, keyword).ifPresent(all::restrict);
    }
    if (part.has("multipleOf")) {
      all.appliesTo("number");
      all.multiples.add(multiple(part, false));
    }
  }

  static Conjunction.Multiple multiple(Subschema part, boolean negated) {
    BigDecimal of = part.number("multipleOf");
    if (of.signum() <= 0) {
      throw part.error("multipleOf", "must be greater than 0");
    }
    if (!MultipleOf.isSupported(of)) {
      throw part.error("multipleOf", "must be at most 10000 units of its last digit");
    }
    return new Conjunction.Multiple(of, negated);
  }

  /**
   * Returns the bound of a keyword; empty if, as in draft 4, it only makes another bound exclusive.
   */
  static Optional<Conjunction.Bound> bound(Subschema part, String keyword) {
    if (!part.has(keyword) || part.node().get(keyword).isBoolean()) {
      return Optional.empty();
    }
    boolean upper = keyword.endsWith("aximum");
    JsonNode kind = part.node().get(upper ? "exclusiveMaximum" : "exclusiveMinimum");
    boolean exclusive =
        keyword.startsWith("exclusive")
            || (kind != null && kind.isBoolean() && kind.booleanValue());
    return Optional.of(new Conjunction.Bound(part.number(keyword), exclusive, upper));
  }

  /** Returns the schemas of an array. All of them must hold. */
  List<Term> each(Subschema part, String keyword) {
    return document.each(part, keyword).stream().map(Term::of).toList();
  }
}

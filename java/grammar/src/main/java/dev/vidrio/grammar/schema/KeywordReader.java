package dev.vidrio.grammar.schema;

import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
    for (String keyword : new String[] {"enum", "const"}) {
      if (part.has(keyword)) {
        List<JsonNode> values =
            keyword.equals("enum") ? part.list(keyword) : List.of(part.node().get(keyword));
        all.values =
            all.values == null
                ? values
                : all.values.stream()
                    .filter(
                        value ->
                            values.stream().anyMatch(each -> InstanceValidator.equal(value, each)))
                    .toList();
      }
    }
    if (part.assertions().stream().anyMatch(Keywords.OF_OBJECTS::contains)) {
      objects(part, all, evaluates);
    }
    if (part.assertions().stream().anyMatch(Keywords.OF_ARRAYS::contains)) {
      arrays(part, all, evaluates);
    }
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
    if (part.has("minProperties")) {
      all.minProperties = Math.max(all.minProperties, part.count("minProperties", false));
    }
    if (part.has("maxProperties")) {
      all.maxProperties = Conjunction.lower(all.maxProperties, part.count("maxProperties", true));
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
    if (part.has("minItems")) {
      all.minItems = Math.max(all.minItems, part.count("minItems", false));
    }
    if (part.has("maxItems")) {
      all.maxItems = Conjunction.lower(all.maxItems, part.count("maxItems", true));
    }
    all.unique |= part.has("uniqueItems") && part.flag("uniqueItems");
    if (part.has("contains")) {
      int min = part.has("minContains") ? part.count("minContains", false) : 1;
      int max = part.has("maxContains") ? part.count("maxContains", true) : -1;
      all.contained.add(
          new Conjunction.Contained(Term.of(document.below(part, "contains")), min, max));
    }
  }

  private static void strings(Subschema part, Conjunction all) {
    if (part.has("minLength")) {
      all.appliesTo("string");
      all.minLength = Math.max(all.minLength, part.count("minLength", false));
    }
    if (part.has("maxLength")) {
      all.appliesTo("string");
      all.maxLength = Conjunction.lower(all.maxLength, part.count("maxLength", true));
    }
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
      bound(part, keyword)
          .ifPresent(
              bound -> {
                all.appliesTo("number");
                all.bounds.add(bound);
              });
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
    JsonNode kind = part.get(upper ? "exclusiveMaximum" : "exclusiveMinimum");
    boolean exclusive =
        keyword.startsWith("exclusive")
            || (kind != null && kind.isBoolean() && kind.booleanValue());
    return Optional.of(new Conjunction.Bound(part.number(keyword), exclusive, upper));
  }

  /** Returns the schemas of an array, all of which must hold. */
  List<Term> each(Subschema part, String keyword) {
    return document.each(part, keyword).stream().map(Term::of).toList();
  }
}

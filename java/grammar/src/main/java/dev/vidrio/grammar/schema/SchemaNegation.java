package dev.vidrio.grammar.schema;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.schema.SchemaExpansion.Alternative;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * The alternatives by which a value can violate a schema: one for each requirement of a keyword.
 * Requirements whose negation is not a grammar are rejected by name.
 */
final class SchemaNegation {

  private final SchemaDocument document;
  private final TextMatcher matcher;
  private final InstanceValidator check;

  SchemaNegation(SchemaDocument document, TextMatcher matcher, InstanceValidator check) {
    this.document = document;
    this.matcher = matcher;
    this.check = check;
  }

  /** A violation, and whether it is already certain, or unlikely to occur. */
  private record Failure(Alternative alternative, boolean certain, boolean unlikely) {}

  /** Requires that a property is absent. */
  static void absent(Conjunction all, String name) {
    all.appliesTo("object");
    all.properties.add(Conjunction.Properties.only(name, Term.of(Subschema.NOTHING)));
  }

  /** Returns the alternatives that satisfy a conjunction but violate a schema. */
  List<Alternative> alternatives(Subschema part, Conjunction all) {
    if (part.node().isBoolean()) {
      return part.node().booleanValue() ? List.of() : List.of(Alternative.of());
    }
    List<Failure> failures = new ArrayList<>();
    InvalidInputException unsupported = null;
    for (String keyword : part.assertions()) {
      try {
        failures(part, keyword, all, failures);
      } catch (InvalidInputException e) {
        unsupported = e; // the other alternatives remain valid
      }
    }
    if (failures.isEmpty() && unsupported != null) {
      throw unsupported;
    }
    for (Failure failure : failures) {
      if (failure.certain) {
        return List.of(failure.alternative);
      }
    }
    List<Alternative> likely =
        failures.stream().filter(failure -> !failure.unlikely).map(Failure::alternative).toList();
    return likely.isEmpty() ? failures.stream().map(Failure::alternative).toList() : likely;
  }

  private static Failure failure(Term... terms) {
    return new Failure(Alternative.of(terms), false, false);
  }

  private static Failure change(String type, Consumer<Conjunction> change) {
    return new Failure(
        new Alternative(
            List.of(),
            all -> {
              all.restrict(List.of(type));
              change.accept(all);
            }),
        false,
        false);
  }

  private void failures(Subschema part, String keyword, Conjunction all, List<Failure> failures) {
    switch (keyword) {
      case "type" -> failures.add(types(part, all));
      case "enum" -> failures.add(none(part.list(keyword)));
      case "const" -> failures.add(none(List.of(part.node().get(keyword))));
      case "$ref" -> failures.add(failure(Term.not(document.referred(part))));
      case "allOf" ->
          document.each(part, keyword).forEach(each -> failures.add(failure(Term.not(each))));
      case "anyOf" ->
          failures.add(
              failure(document.each(part, keyword).stream().map(Term::not).toArray(Term[]::new)));
      case "oneOf" -> moreOrNone(document.each(part, keyword), failures);
      case "not" -> failures.add(failure(Term.of(document.below(part, keyword))));
      case "if" -> {
        Term condition = Term.of(document.below(part, keyword));
        if (part.has("then")) {
          failures.add(failure(condition, Term.not(document.below(part, "then"))));
        }
        if (part.has("else")) {
          failures.add(failure(condition.opposite(), Term.not(document.below(part, "else"))));
        }
      }
      case "then", "else", "additionalItems", "minContains", "maxContains" -> {}
      case "properties",
          "required",
          "additionalProperties",
          "dependentRequired",
          "minProperties",
          "maxProperties" ->
          ofObjects(part, keyword, all, failures);
      case "prefixItems", "items", "contains", "minItems", "maxItems", "uniqueItems" ->
          ofArrays(part, keyword, failures);
      default -> ofScalars(part, keyword, failures);
    }
  }

  private void ofObjects(Subschema part, String keyword, Conjunction all, List<Failure> failures) {
    switch (keyword) {
      case "properties" ->
          part.object(keyword)
              .forEachEntry(
                  (name, node) -> {
                    Subschema value = document.below(part, keyword, name, node);
                    if (!value.isAnything()) {
                      failures.add(property(all, name, value));
                    }
                  });
      case "required" -> part.texts(keyword).forEach(name -> failures.add(missing(all, name)));
      case "additionalProperties" -> additional(part, all, failures);
      case "dependentRequired" ->
          part.object(keyword)
              .forEachEntry(
                  (name, needed) -> {
                    for (String each : part.texts(keyword, needed)) {
                      failures.add(
                          change(
                              "object",
                              to -> {
                                to.required.add(name);
                                absent(to, each);
                              }));
                    }
                  });
      case "minProperties" -> {
        int min = part.count(keyword, false);
        if (min > 0) {
          failures.add(
              change(
                  "object", to -> to.maxProperties = Conjunction.lower(to.maxProperties, min - 1)));
        }
      }
      case "maxProperties" -> {
        int min = part.count(keyword, false) + 1;
        failures.add(change("object", to -> to.minProperties = Math.max(to.minProperties, min)));
      }
      default -> throw unsupported(part, keyword);
    }
  }

  private void ofArrays(Subschema part, String keyword, List<Failure> failures) {
    switch (keyword) {
      case "minItems" -> {
        int min = part.count(keyword, false);
        if (min > 0) {
          failures.add(
              change("array", to -> to.maxItems = Conjunction.lower(to.maxItems, min - 1)));
        }
      }
      case "maxItems" -> {
        int min = part.count(keyword, false) + 1;
        failures.add(change("array", to -> to.minItems = Math.max(to.minItems, min)));
      }
      case "prefixItems", "items" -> items(part, keyword, failures);
      case "contains" -> {
        if (part.has("minContains") || part.has("maxContains")) {
          throw unsupported(part, keyword);
        }
        Term other = Term.not(document.below(part, keyword));
        failures.add(
            change("array", to -> to.items.add(new Conjunction.Items(List.of(), other, false))));
      }
      case "uniqueItems" -> {
        if (part.flag(keyword)) {
          throw unsupported(part, keyword);
        }
      }
      default -> throw unsupported(part, keyword);
    }
  }

  private void ofScalars(Subschema part, String keyword, List<Failure> failures) {
    switch (keyword) {
      case "format" -> {
        if (StringFormats.isKnown(part)) {
          throw unsupported(part, keyword);
        }
      }
      case "minLength" -> {
        int min = part.count(keyword, false);
        if (min > 0) {
          failures.add(
              change("string", to -> to.maxLength = Conjunction.lower(to.maxLength, min - 1)));
        }
      }
      case "maxLength" -> {
        int min = part.count(keyword, false) + 1;
        failures.add(change("string", to -> to.minLength = Math.max(to.minLength, min)));
      }
      case "pattern" ->
          failures.add(
              change(
                  "string",
                  to ->
                      to.patterns.add(
                          new Conjunction.Pattern(part.below(keyword), part.text(keyword), true))));
      case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum" -> {
        if (!part.node().get(keyword).isBoolean()) {
          failures.add(
              change(
                  "number",
                  to ->
                      KeywordReader.bound(part, keyword)
                          .ifPresent(bound -> to.bounds.add(bound.opposite()))));
        }
      }
      case "multipleOf" -> {
        Conjunction.Multiple other = KeywordReader.multiple(part, true);
        failures.add(change("number", to -> to.multiples.add(other)));
      }
      default -> throw unsupported(part, keyword);
    }
  }

  private static InvalidInputException unsupported(Subschema part, String keyword) {
    return part.error(keyword, "cannot be negated, as required by not, oneOf or if");
  }

  private static void moreOrNone(List<Subschema> parts, List<Failure> failures) {
    failures.add(failure(parts.stream().map(Term::not).toArray(Term[]::new)));
    for (int i = 0; i < parts.size(); i++) {
      for (int j = i + 1; j < parts.size(); j++) {
        failures.add(failure(Term.of(parts.get(i)), Term.of(parts.get(j))));
      }
    }
  }

  private static Failure types(Subschema part, Conjunction all) {
    List<String> types = part.types();
    boolean integers = types.contains("integer") && !types.contains("number");
    boolean certain =
        all.types().stream().noneMatch(types::contains)
            && !(integers && all.types().contains("number"));
    return new Failure(
        new Alternative(
            List.of(),
            to -> {
              to.exclude(types);
              if (integers) {
                to.multiples.add(new Conjunction.Multiple(BigDecimal.ONE, true));
              }
            }),
        certain,
        false);
  }

  private static Failure none(List<JsonNode> values) {
    return new Failure(new Alternative(List.of(), to -> to.excluded.addAll(values)), false, false);
  }

  private Failure property(Conjunction all, String name, Subschema value) {
    Set<Term> known = all.property(name, matcher);
    boolean object = all.types().equals(Set.of("object"));
    boolean certain =
        object
            && all.required.contains(name)
            && (known.contains(Term.not(value)) || check.neverHold(known, value));
    return new Failure(
        change(
                "object",
                to -> {
                  to.required.add(name);
                  to.properties.add(Conjunction.Properties.only(name, Term.not(value)));
                })
            .alternative,
        certain,
        all.isClosed() && !isNamed(all, name));
  }

  private Failure missing(Conjunction all, String name) {
    boolean object = all.types().equals(Set.of("object"));
    boolean unnamed =
        (all.isClosed() && !isNamed(all, name))
            || all.property(name, matcher).stream().anyMatch(Term::isNothing);
    return new Failure(
        change("object", to -> absent(to, name)).alternative, object && unnamed, false);
  }

  private static boolean isNamed(Conjunction all, String name) {
    return all.required.contains(name)
        || all.properties.stream().anyMatch(each -> each.named().containsKey(name));
  }

  /**
   * Adds the violations of {@code additionalProperties}: properties of names that only other
   * schemas know.
   */
  private void additional(Subschema part, Conjunction all, List<Failure> failures) {
    Subschema value = document.below(part, "additionalProperties");
    if (value.isAnything()) {
      return;
    }
    Set<String> names = new LinkedHashSet<>(all.required);
    for (Conjunction.Properties each : all.properties) {
      names.addAll(each.named().keySet());
    }
    if (part.has("properties")) {
      names.removeAll(part.object("properties").propertyNames());
    }
    if (part.has("patternProperties")) {
      for (Map.Entry<String, JsonNode> each : part.object("patternProperties").properties()) {
        names.removeIf(name -> matcher.matches(part, each.getKey(), name));
      }
    }
    if (names.isEmpty() && !all.isClosed()) {
      throw unsupported(part, "additionalProperties");
    }
    for (String name : names) {
      failures.add(property(all, name, value));
    }
  }

  private void items(Subschema part, String keyword, List<Failure> failures) {
    boolean list = part.node().get(keyword).isArray();
    if (!list && part.has("prefixItems")) {
      throw unsupported(part, keyword);
    }
    if (!list) {
      Subschema item = document.below(part, keyword);
      if (!item.isAnything()) {
        failures.add(
            change(
                "array", to -> to.contained.add(new Conjunction.Contained(Term.not(item), 1, -1))));
      }
      return;
    }
    if (part.has("additionalItems")) {
      throw unsupported(part, "additionalItems");
    }
    List<Subschema> first = document.each(part, keyword);
    for (int i = 0; i < first.size(); i++) {
      int at = i;
      List<Term> terms = new ArrayList<>();
      for (int j = 0; j < i; j++) {
        terms.add(Term.of(Subschema.ANYTHING));
      }
      terms.add(Term.not(first.get(i)));
      failures.add(
          change(
              "array",
              to -> {
                to.minItems = Math.max(to.minItems, at + 1);
                to.items.add(new Conjunction.Items(terms, null, false));
              }));
    }
  }
}

package dev.vidrio.grammar.schema;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.schema.SchemaExpansion.Alternative;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/**
 * The alternatives by which a value can violate a schema: one for each requirement of a keyword. A
 * requirement is rejected by name if its negation is not a grammar.
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
  private record Failure(Alternative alternative, boolean certain, boolean unlikely) {
    Failure certainIf(boolean condition) {
      return new Failure(alternative, condition, unlikely);
    }

    Failure unlikelyIf(boolean condition) {
      return new Failure(alternative, certain, condition);
    }
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
        failures.addAll(failures(part, keyword, all));
      } catch (InvalidInputException e) {
        unsupported = e; // the other alternatives remain valid
      }
    }
    if (failures.isEmpty() && unsupported != null) {
      throw unsupported;
    }
    Optional<Failure> certain = failures.stream().filter(Failure::certain).findFirst();
    if (certain.isPresent()) {
      return List.of(certain.get().alternative);
    }
    List<Alternative> likely =
        failures.stream().filter(failure -> !failure.unlikely).map(Failure::alternative).toList();
    return likely.isEmpty() ? failures.stream().map(Failure::alternative).toList() : likely;
  }

  private static Failure failure(Term... terms) {
    return new Failure(Alternative.of(terms), false, false);
  }

  private static Failure change(Consumer<Conjunction> change) {
    return new Failure(new Alternative(List.of(), change), false, false);
  }

  private static Failure change(String type, Consumer<Conjunction> change) {
    return change(
        all -> {
          all.restrict(List.of(type));
          change.accept(all);
        });
  }

  private List<Failure> failures(Subschema part, String keyword, Conjunction all) {
    return switch (keyword) {
      case "type" -> List.of(types(part, all));
      case "enum" -> List.of(none(part.list(keyword)));
      case "const" -> List.of(none(List.of(part.node().get(keyword))));
      case "$ref" -> List.of(failure(Term.not(document.referred(part))));
      case "allOf" ->
          document.each(part, keyword).stream().map(each -> failure(Term.not(each))).toList();
      case "anyOf" -> List.of(noneOf(document.each(part, keyword)));
      case "oneOf" -> moreOrNone(document.each(part, keyword));
      case "not" -> List.of(failure(Term.of(document.below(part, keyword))));
      case "if" -> {
        Term condition = Term.of(document.below(part, keyword));
        List<Failure> failures = new ArrayList<>();
        if (part.has("then")) {
          failures.add(failure(condition, Term.not(document.below(part, "then"))));
        }
        if (part.has("else")) {
          failures.add(failure(condition.opposite(), Term.not(document.below(part, "else"))));
        }
        yield failures;
      }
      case "then", "else", "additionalItems", "minContains", "maxContains" -> List.of();
      case "minProperties", "minItems", "minLength" -> {
        String type = Keywords.type(keyword).orElseThrow();
        int min = part.count(keyword, false);
        Conjunction.Count fewer = new Conjunction.Count(0, min - 1);
        yield min == 0 ? List.of() : List.of(change(type, to -> to.restrict(type, fewer)));
      }
      case "maxProperties", "maxItems", "maxLength" -> {
        String type = Keywords.type(keyword).orElseThrow();
        Conjunction.Count more = new Conjunction.Count(part.count(keyword, false) + 1, -1);
        yield List.of(change(type, to -> to.restrict(type, more)));
      }
      default -> ofType(part, keyword, all);
    };
  }

  private List<Failure> ofType(Subschema part, String keyword, Conjunction all) {
    return switch (keyword) {
      case "properties" ->
          part.object(keyword).properties().stream()
              .map(
                  each ->
                      Map.entry(
                          each.getKey(),
                          document.below(part, keyword, each.getKey(), each.getValue())))
              .filter(each -> !each.getValue().isAnything())
              .map(each -> property(all, each.getKey(), each.getValue()))
              .toList();
      case "required" -> part.texts(keyword).stream().map(name -> missing(all, name)).toList();
      case "additionalProperties" -> additional(part, all);
      case "dependentRequired" ->
          part.object(keyword).properties().stream()
              .flatMap(
                  each ->
                      part.texts(keyword, each.getValue()).stream()
                          .map(needed -> dependent(each.getKey(), needed)))
              .toList();
      case "prefixItems", "items" -> items(part, keyword);
      case "contains" -> {
        if (part.has("minContains") || part.has("maxContains")) {
          throw unsupported(part, keyword);
        }
        Term other = Term.not(document.below(part, keyword));
        yield List.of(
            change("array", to -> to.items.add(new Conjunction.Items(List.of(), other, false))));
      }
      case "pattern" -> {
        var pattern = new Conjunction.Pattern(part.below(keyword), part.text(keyword), true);
        yield List.of(change("string", to -> to.patterns.add(pattern)));
      }
      case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum" ->
          KeywordReader.bound(part, keyword).stream()
              .map(bound -> change("number", to -> to.bounds.add(bound.opposite())))
              .toList();
      case "multipleOf" -> {
        Conjunction.Multiple other = KeywordReader.multiple(part, true);
        yield List.of(change("number", to -> to.multiples.add(other)));
      }
      default -> {
        boolean holdsAlways =
            keyword.equals("uniqueItems")
                ? !part.flag(keyword)
                : keyword.equals("format") && !StringFormats.isKnown(part);
        if (!holdsAlways) {
          throw unsupported(part, keyword);
        }
        yield List.of();
      }
    };
  }

  private static Failure dependent(String name, String needed) {
    return change(
        "object",
        to -> {
          to.require(List.of(name));
          to.forbid(needed);
        });
  }

  private static InvalidInputException unsupported(Subschema part, String keyword) {
    return part.error(keyword, "cannot be negated, as required by not, oneOf or if");
  }

  private static Failure noneOf(List<Subschema> parts) {
    return failure(parts.stream().map(Term::not).toArray(Term[]::new));
  }

  private static List<Failure> moreOrNone(List<Subschema> parts) {
    List<Failure> failures = new ArrayList<>();
    failures.add(noneOf(parts));
    for (int i = 0; i < parts.size(); i++) {
      for (int j = i + 1; j < parts.size(); j++) {
        failures.add(failure(Term.of(parts.get(i)), Term.of(parts.get(j))));
      }
    }
    return failures;
  }

  private static Failure types(Subschema part, Conjunction all) {
    List<String> types = part.types();
    boolean integers = types.contains("integer") && !types.contains("number");
    boolean certain =
        all.types().stream().noneMatch(types::contains)
            && !(integers && all.types().contains("number"));
    return change(
            to -> {
              to.exclude(types);
              if (integers) {
                to.multiples.add(new Conjunction.Multiple(BigDecimal.ONE, true));
              }
            })
        .certainIf(certain);
  }

  private static Failure none(List<JsonNode> values) {
    return change(to -> to.excluded.addAll(values));
  }

  private Failure property(Conjunction all, String name, Subschema value) {
    Set<Term> known = all.property(name, matcher);
    boolean object = all.types().equals(Set.of("object"));
    boolean certain =
        object
            && all.required.contains(name)
            && (known.contains(Term.not(value)) || check.neverHold(known, value));
    return change(
            "object",
            to -> {
              to.require(List.of(name));
              to.properties.add(Conjunction.Properties.only(name, Term.not(value)));
            })
        .certainIf(certain)
        .unlikelyIf(all.isClosed() && !isNamed(all, name));
  }

  private Failure missing(Conjunction all, String name) {
    boolean object = all.types().equals(Set.of("object"));
    boolean unnamed =
        (all.isClosed() && !isNamed(all, name))
            || all.property(name, matcher).stream().anyMatch(Term::isNothing);
    return change("object", to -> to.forbid(name)).certainIf(object && unnamed);
  }

  private static boolean isNamed(Conjunction all, String name) {
    return all.required.contains(name)
        || all.properties.stream().anyMatch(each -> each.named().containsKey(name));
  }

  /**
   * Adds the violations of {@code additionalProperties}: properties of names that only other
   * schemas know.
   */
  private List<Failure> additional(Subschema part, Conjunction all) {
    Subschema value = document.below(part, "additionalProperties");
    if (value.isAnything()) {
      return List.of();
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
    return names.stream().map(name -> property(all, name, value)).toList();
  }

  private List<Failure> items(Subschema part, String keyword) {
    boolean list = part.node().get(keyword).isArray();
    if (!list && part.has("prefixItems")) {
      throw unsupported(part, keyword);
    }
    if (list && part.has("additionalItems")) {
      throw unsupported(part, "additionalItems");
    }
    if (!list) {
      Subschema item = document.below(part, keyword);
      var contained = new Conjunction.Contained(Term.not(item), new Conjunction.Count(1, -1));
      return item.isAnything()
          ? List.of()
          : List.of(change("array", to -> to.contained.add(contained)));
    }
    List<Subschema> first = document.each(part, keyword);
    return IntStream.range(0, first.size()).mapToObj(i -> item(i, first.get(i))).toList();
  }

  /** Returns the violation of the schema of the i-th item. */
  private static Failure item(int i, Subschema schema) {
    List<Term> terms = new ArrayList<>(Collections.nCopies(i, Term.of(Subschema.ANYTHING)));
    terms.add(Term.not(schema));
    return change(
        "array",
        to -> {
          to.restrict("array", new Conjunction.Count(i + 1, -1));
          to.items.add(new Conjunction.Items(terms, null, false));
        });
  }
}

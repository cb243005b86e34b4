package dev.vidrio.grammar.schema;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Expands schemas that a value must satisfy to a disjunctive normal form: the values are those of
 * any of the resulting {@link Conjunction}s.
 */
final class SchemaExpansion {

  /** The maximum number of schemas expanded in a document. */
  private static final int MAX_WORK = 20_000;

  /** The maximum number of requirements in all alternatives that are tried. */
  private static final int MAX_TRIED = 4_000_000;

  /** The maximum nesting of alternatives. */
  private static final int MAX_DEPTH = 500;

  /** A term to expand, and the one from which it was derived. */
  private record Item(Term term, @Nullable Item cause, boolean negation) {}

  /** One alternative: further terms, and a change of the conjunction. */
  record Alternative(List<Term> terms, Consumer<Conjunction> change) {
    static Alternative of(Term... terms) {
      return new Alternative(List.of(terms), ignored -> {});
    }
  }

  /** The remaining work of one alternative. */
  private static final class Agenda {
    private final Conjunction conjunction;
    private final List<Item> asserted = new ArrayList<>();
    private final List<Disjunction> disjunctions = new ArrayList<>();
    private final List<Item> denied = new ArrayList<>();
    private final Set<Term> seen = new HashSet<>();
    private int front;

    private Agenda(Conjunction conjunction) {
      this.conjunction = conjunction;
    }

    private Agenda copy() {
      Agenda copy = new Agenda(new Conjunction(conjunction));
      copy.asserted.addAll(asserted);
      copy.disjunctions.addAll(disjunctions);
      copy.denied.addAll(denied);
      copy.seen.addAll(seen);
      return copy;
    }

    /** Returns the number of elements that a copy copies. */
    private int size() {
      return asserted.size()
          + disjunctions.size()
          + denied.size()
          + seen.size()
          + conjunction.properties.size()
          + conjunction.required.size()
          + conjunction.excluded.size();
    }

    /** Adds a term before the existing ones. */
    private void add(Term term, @Nullable Item cause, boolean negation) {
      Item item = new Item(term, cause, negation);
      if (term.negated()) {
        denied.add(item);
      } else {
        asserted.add(front++, item);
      }
    }

    private void add(List<Alternative> alternatives, Item cause) {
      disjunctions.add(new Disjunction(alternatives, cause));
    }

    private Item takeAsserted() {
      front = 0;
      return asserted.removeFirst();
    }
  }

  private record Disjunction(List<Alternative> alternatives, Item cause) {}

  private static final Term ANYTHING = Term.of(Subschema.ANYTHING);
  private static final Set<String> OBJECT = Set.of("object");

  private final SchemaDocument document;
  private final TextMatcher matcher;
  final InstanceValidator check;
  private final SchemaNegation negation;
  private final KeywordReader keywords;
  private int work;
  private long tried;
  private int depth;

  SchemaExpansion(SchemaDocument document, TextMatcher matcher) {
    this.document = document;
    this.matcher = matcher;
    this.check = new InstanceValidator(document, matcher);
    this.negation = new SchemaNegation(document, matcher, check);
    this.keywords = new KeywordReader(document);
  }

  /** Expands terms. */
  List<Conjunction> expand(Collection<Term> terms) {
    Term first = terms.iterator().next();
    Agenda agenda = new Agenda(new Conjunction(first.part()));
    terms.forEach(term -> agenda.add(term, null, false));
    List<Conjunction> found = new ArrayList<>();
    search(agenda, terms, found);
    return found;
  }

  private void search(Agenda agenda, Collection<Term> goal, List<Conjunction> found) {
    Conjunction all = agenda.conjunction;
    while (true) {
      if (all.isContradiction()) {
        return;
      }
      if (!agenda.asserted.isEmpty()) {
        Item item = agenda.takeAsserted();
        if (take(agenda, item) && !assertion(agenda, item, goal.size() == 1)) {
          return;
        }
      } else if (all.values != null) {
        // Finitely many values: each is checked against all requirements.
        all.values = all.values.stream().filter(value -> check.holdAll(goal, value)).toList();
        found.add(all);
        return;
      } else if (isImpossible(all)) {
        return;
      } else if (!agenda.disjunctions.isEmpty()) {
        Disjunction disjunction = agenda.disjunctions.removeFirst();
        follow(agenda, disjunction.alternatives, disjunction.cause, false, goal, found);
        return;
      } else if (!agenda.denied.isEmpty()) {
        Item item = agenda.denied.removeFirst();
        if (take(agenda, item)) {
          follow(agenda, negation.alternatives(item.term.part(), all), item, true, goal, found);
          return;
        }
      } else {
        found.add(all);
        return;
      }
    }
  }

  /** Returns whether a term is new in this alternative. */
  private boolean take(Agenda agenda, Item item) {
    Subschema part = item.term.part();
    if (++work > MAX_WORK) {
      throw part.error(
          part.has("$ref") ? "$ref" : "allOf", "expands to more than " + MAX_WORK + " schemas");
    }
    for (Item cause = item.cause; cause != null; cause = cause.cause) {
      if (cause.term.equals(item.term)) {
        throw part.error("$ref", "refers to itself");
      }
    }
    return agenda.seen.add(item.term);
  }

  private void follow(
      Agenda agenda,
      List<Alternative> alternatives,
      Item cause,
      boolean negated,
      Collection<Term> goal,
      List<Conjunction> found) {
    if (++depth > MAX_DEPTH) {
      throw cause
          .term
          .part()
          .error("allOf", "nests alternatives deeper than " + MAX_DEPTH + " levels");
    }
    for (Alternative alternative : alternatives) {
      Conjunction all = agenda.conjunction;
      tried += 1 + alternative.terms.size() + (alternatives.size() == 1 ? 0 : agenda.size());
      tried += (long) all.required.size() * all.properties.size(); // isImpossible
      if (tried > MAX_TRIED) {
        throw cause
            .term
            .part()
            .error(
                "allOf",
                "combines alternatives with more than " + MAX_TRIED + " requirements in all");
      }
      Agenda next = alternatives.size() == 1 ? agenda : agenda.copy();
      alternative.terms.forEach(term -> next.add(term, cause, negated || cause.negation));
      alternative.change.accept(next.conjunction);
      search(next, goal, found);
    }
    depth--;
  }

  /** Returns whether only objects remain, and a required property can have no value. */
  private boolean isImpossible(Conjunction all) {
    return all.types().equals(OBJECT)
        && all.required.stream().anyMatch(name -> hasNoValue(all.property(name, matcher)));
  }

  private boolean hasNoValue(Set<Term> terms) {
    return Term.contradict(terms) || check.values(terms).filter(List::isEmpty).isPresent();
  }

  /** Adds the requirements of a schema; returns false if they cannot be satisfied. */
  private boolean assertion(Agenda agenda, Item item, boolean alone) {
    Subschema part = item.term.part();
    if (part.node().isBoolean()) {
      return part.node().booleanValue();
    }
    if (agenda.seen.contains(item.term.opposite())) {
      return false;
    }
    Conjunction all = agenda.conjunction;
    keywords.add(part, all, !item.negation);
    for (String keyword : part.assertions()) {
      switch (keyword) {
        case "$ref" -> agenda.add(Term.of(document.referred(part)), item, item.negation);
        case "allOf" ->
            keywords.each(part, keyword).forEach(term -> agenda.add(term, item, item.negation));
        case "not" -> agenda.add(Term.not(document.below(part, keyword)), item, true);
        case "anyOf" ->
            agenda.add(keywords.each(part, keyword).stream().map(Alternative::of).toList(), item);
        case "oneOf" -> agenda.add(oneOf(keywords.each(part, keyword)), item);
        case "if" -> condition(part).ifPresent(found -> agenda.add(found, item));
        case "dependentRequired", "dependentSchemas", "dependencies" ->
            part.object(keyword)
                .forEachEntry(
                    (name, then) -> agenda.add(dependency(part, keyword, name, then), item));
        case "unevaluatedProperties" -> unevaluated(part, item, all, alone);
        default -> {}
      }
    }
    return true;
  }

  /**
   * Adds {@code unevaluatedProperties}: the requirement on properties that no other keyword here or
   * in the schemas around evaluates.
   */
  private void unevaluated(Subschema part, Item item, Conjunction all, boolean alone) {
    String keyword = "unevaluatedProperties";
    Term rest = Term.of(document.below(part, keyword));
    boolean outermost = alone;
    for (Item cause = item.cause; cause != null; cause = cause.cause) {
      outermost &= cause.term.part().assertions().equals(List.of("$ref"));
    }
    if (!outermost && !rest.isAnything()) {
      throw part.error(keyword, "cannot be combined with enclosing schemas");
    }
    if (outermost) {
      all.unevaluated = rest;
      all.appliesTo("object");
    }
  }

  private static List<Alternative> oneOf(List<Term> terms) {
    List<Term> opposites = terms.stream().map(Term::opposite).toList();
    // Created when it is tried: all of them would take quadratic memory.
    return new AbstractList<>() {
      @Override
      public Alternative get(int i) {
        List<Term> exactlyOne = new ArrayList<>(opposites);
        exactlyOne.set(i, terms.get(i));
        return new Alternative(exactlyOne, ignored -> {});
      }

      @Override
      public int size() {
        return terms.size();
      }
    };
  }

  private Optional<List<Alternative>> condition(Subschema part) {
    if (!part.has("then") && !part.has("else")) {
      return Optional.empty();
    }
    Term condition = Term.of(document.below(part, "if"));
    Term then = part.has("then") ? Term.of(document.below(part, "then")) : ANYTHING;
    Term otherwise = part.has("else") ? Term.of(document.below(part, "else")) : ANYTHING;
    return Optional.of(
        List.of(Alternative.of(condition, then), Alternative.of(condition.opposite(), otherwise)));
  }

  private List<Alternative> dependency(Subschema part, String keyword, String name, JsonNode then) {
    List<String> needed = new ArrayList<>(List.of(name));
    List<Term> terms = new ArrayList<>();
    if (then.isArray()) {
      needed.addAll(part.texts(keyword, then));
    } else {
      terms.add(Term.of(document.below(part, keyword, name, then)));
    }
    return List.of(
        new Alternative(List.of(), all -> all.forbid(name)),
        new Alternative(terms, all -> all.require(needed)));
  }
}

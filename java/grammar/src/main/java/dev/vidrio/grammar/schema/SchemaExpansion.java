package dev.vidrio.grammar.schema;

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
 * Takes schemas apart that a value must keep to, until what is left has no alternatives (a
 * disjunctive normal form): the values are those of any of the {@link Conjunction}s.
 */
final class SchemaExpansion {

  /** Schemas to take apart in a document. */
  private static final int MAX_WORK = 20_000;

  /** Alternatives within alternatives. */
  private static final int MAX_DEPTH = 500;

  /** A term to take apart, and the one that it stands in place of a value for. */
  private record Item(Term term, @Nullable Item cause, boolean negation) {}

  /** One way to go on: further terms, and what a negation says by itself. */
  record Way(List<Term> terms, Consumer<Conjunction> change) {
    static Way of(Term... terms) {
      return new Way(List.of(terms), ignored -> {});
    }
  }

  /** What is still to be done, on one of the ways. */
  private static final class Agenda {
    private final Conjunction conjunction;
    private final List<Item> asserted = new ArrayList<>();
    private final List<Branch> branches = new ArrayList<>();
    private final List<Item> denied = new ArrayList<>();
    private final Set<Term> seen = new HashSet<>();
    private int front;

    private Agenda(Conjunction conjunction) {
      this.conjunction = conjunction;
    }

    private Agenda copy() {
      Agenda copy = new Agenda(new Conjunction(conjunction));
      copy.asserted.addAll(asserted);
      copy.branches.addAll(branches);
      copy.denied.addAll(denied);
      copy.seen.addAll(seen);
      return copy;
    }

    /** Adds a term, before those that were there when the last one was taken. */
    private void add(Term term, @Nullable Item cause, boolean negation) {
      Item item = new Item(term, cause, negation);
      if (term.negated()) {
        denied.add(item);
      } else {
        asserted.add(front++, item);
      }
    }

    private Item takeAsserted() {
      front = 0;
      return asserted.removeFirst();
    }
  }

  private record Branch(List<Way> ways, Item cause) {}

  private static final Term ANYTHING = Term.of(SchemaPart.ANYTHING);
  private static final Set<String> OBJECT = Set.of("object");

  private final SchemaDocument document;
  private final TextMatcher matcher;
  private final SchemaCheck check;
  private final SchemaNegation negation;
  private final KeywordReader keywords;
  private int work;
  private int depth;

  SchemaExpansion(SchemaDocument document, TextMatcher matcher) {
    this.document = document;
    this.matcher = matcher;
    this.check = new SchemaCheck(document, matcher);
    this.negation = new SchemaNegation(document, matcher, check);
    this.keywords = new KeywordReader(document);
  }

  SchemaCheck check() {
    return check;
  }

  /** Takes apart. */
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
        // Finitely many: what else is asked for is asked of each.
        all.values = all.values.stream().filter(value -> check.holdAll(goal, value)).toList();
        found.add(all);
        return;
      } else if (isImpossible(all)) {
        return;
      } else if (!agenda.branches.isEmpty()) {
        Branch branch = agenda.branches.removeFirst();
        follow(agenda, branch.ways, branch.cause, false, goal, found);
        return;
      } else if (!agenda.denied.isEmpty()) {
        Item item = agenda.denied.removeFirst();
        if (take(agenda, item)) {
          follow(agenda, negation.ways(item.term.part(), all), item, true, goal, found);
          return;
        }
      } else {
        found.add(all);
        return;
      }
    }
  }

  /** Whether a term is new on this way. */
  private boolean take(Agenda agenda, Item item) {
    SchemaPart part = item.term.part();
    if (++work > MAX_WORK) {
      throw part.error(
          part.has("$ref") ? "$ref" : "allOf", "puts together more than " + MAX_WORK + " schemas");
    }
    for (Item cause = item.cause; cause != null; cause = cause.cause) {
      if (cause.term.equals(item.term)) {
        throw part.error("$ref", "leads to itself");
      }
    }
    return agenda.seen.add(item.term);
  }

  private void follow(
      Agenda agenda,
      List<Way> ways,
      Item cause,
      boolean negated,
      Collection<Term> goal,
      List<Conjunction> found) {
    if (++depth > MAX_DEPTH) {
      throw cause.term.part().error("allOf", "has more than " + MAX_DEPTH + " alternatives within");
    }
    for (Way way : ways) {
      Agenda next = ways.size() == 1 ? agenda : agenda.copy();
      way.terms.forEach(term -> next.add(term, cause, negated || cause.negation));
      way.change.accept(next.conjunction);
      search(next, goal, found);
    }
    depth--;
  }

  /** Whether only objects are left, and a property that is required can have no value. */
  private boolean isImpossible(Conjunction all) {
    return all.types().equals(OBJECT)
        && all.required.stream().anyMatch(name -> hasNoValue(all.property(name, matcher)));
  }

  private boolean hasNoValue(Set<Term> terms) {
    return Term.contradict(terms) || check.values(terms).filter(List::isEmpty).isPresent();
  }

  /** Adds what a schema asks for; false if it asks for nothing that can be. */
  private boolean assertion(Agenda agenda, Item item, boolean alone) {
    SchemaPart part = item.term.part();
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
            agenda.branches.add(
                new Branch(keywords.each(part, keyword).stream().map(Way::of).toList(), item));
        case "oneOf" -> agenda.branches.add(new Branch(oneOf(keywords.each(part, keyword)), item));
        case "if" -> condition(part).ifPresent(ways -> agenda.branches.add(new Branch(ways, item)));
        case "dependentRequired", "dependentSchemas", "dependencies" ->
            part.object(keyword)
                .forEachEntry(
                    (name, then) ->
                        agenda.branches.add(
                            new Branch(dependency(part, keyword, name, then), item)));
        case "unevaluatedProperties" -> unevaluated(part, item, all, alone);
        default -> {}
      }
    }
    return true;
  }

  /** What no other keyword speaks of, neither here nor in the schemas that this one is put of. */
  private void unevaluated(SchemaPart part, Item item, Conjunction all, boolean alone) {
    String keyword = "unevaluatedProperties";
    Term rest = Term.of(document.below(part, keyword));
    boolean outermost = alone;
    for (Item cause = item.cause; cause != null; cause = cause.cause) {
      outermost &= cause.term.part().assertions().equals(List.of("$ref"));
    }
    if (!outermost && !rest.isAnything()) {
      throw part.error(keyword, "cannot be combined with schemas around it");
    }
    if (outermost) {
      all.unevaluated = rest;
      all.about("object");
    }
  }

  private static List<Way> oneOf(List<Term> terms) {
    List<Way> ways = new ArrayList<>();
    for (int i = 0; i < terms.size(); i++) {
      List<Term> way = new ArrayList<>();
      for (int j = 0; j < terms.size(); j++) {
        way.add(i == j ? terms.get(j) : terms.get(j).opposite());
      }
      ways.add(new Way(way, ignored -> {}));
    }
    return ways;
  }

  private Optional<List<Way>> condition(SchemaPart part) {
    if (!part.has("then") && !part.has("else")) {
      return Optional.empty();
    }
    Term condition = Term.of(document.below(part, "if"));
    Term then = part.has("then") ? Term.of(document.below(part, "then")) : ANYTHING;
    Term otherwise = part.has("else") ? Term.of(document.below(part, "else")) : ANYTHING;
    return Optional.of(List.of(Way.of(condition, then), Way.of(condition.opposite(), otherwise)));
  }

  private List<Way> dependency(SchemaPart part, String keyword, String name, JsonNode then) {
    List<Way> ways = new ArrayList<>();
    ways.add(new Way(List.of(), all -> SchemaNegation.absent(all, name)));
    if (then.isArray()) {
      List<String> needed = part.texts(keyword, then);
      ways.add(
          new Way(
              List.of(),
              all -> {
                all.about("object");
                all.required.add(name);
                all.required.addAll(needed);
              }));
    } else {
      ways.add(
          new Way(
              List.of(Term.of(document.below(part, keyword, name, then))),
              all -> {
                all.about("object");
                all.required.add(name);
              }));
    }
    return ways;
  }
}

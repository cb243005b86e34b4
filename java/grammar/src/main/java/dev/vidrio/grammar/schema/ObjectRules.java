package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.StateBudget;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/** Compiles the object keywords of JSON Schema. */
final class ObjectRules {

  /** The maximum number of combinations of patterns that property names may match. */
  private static final int MAX_KINDS = 64;

  /** The maximum sum of {@link Members#orders} over all objects of a document. */
  private static final int MAX_ORDERS = 2048;

  private final JsonRules json;
  private final TextMatcher matcher;
  private final StringRules strings;
  private final Function<Collection<Term>, Expr> values;
  private int orders;

  /**
   * Creates the compiler.
   *
   * @param values returns the expression of the values that satisfy several schemas, {@link
   *     Expr#NOTHING} if there are none
   */
  ObjectRules(
      JsonRules json,
      TextMatcher matcher,
      StringRules strings,
      Function<Collection<Term>, Expr> values) {
    this.json = json;
    this.matcher = matcher;
    this.strings = strings;
    this.values = values;
  }

  /**
   * Returns the expression of an object: the named properties as in {@link Members}, then others.
   */
  Expr object(Conjunction all) {
    Conjunction.Count size = all.countOfContainer("object", JsonNode::isObject);
    int min = size.min();
    int max = size.max();
    boolean free =
        all.properties.isEmpty() && all.required.isEmpty() && all.propertyNames.isEmpty();
    if (free && min == 0 && max < 0 && all.unevaluated == null) {
      return json.object();
    }
    Map<String, Set<Term>> names = all.names(matcher);
    Dfa allowed =
        all.propertyNames.isEmpty() ? Dfa.ofLength(0, -1) : strings.texts(all.propertyNames);
    List<Members.Member> members = new ArrayList<>();
    for (Map.Entry<String, Set<Term>> each : names.entrySet()) {
      String name = each.getKey();
      boolean required = all.required.contains(name);
      Expr value = allowed.matches(name) ? values.apply(each.getValue()) : Expr.NOTHING;
      if (!value.equals(Expr.NOTHING)) {
        String path = all.at.below("properties", name);
        Expr pair = json.rules.add(path, Expr.sequence(json.text(name), JsonRules.COLON, value));
        members.add(new Members.Member(path, pair, required));
      } else if (required) {
        return Expr.NOTHING;
      }
    }
    Expr other = all.isClosed() ? Expr.NOTHING : others(all, names.keySet(), allowed);
    if (min > members.size() + 1 && !other.equals(Expr.NOTHING)) {
      throw all.at.error(
          "minProperties", "must be at most 1 more than the number of named properties");
    }
    boolean mayBeEmpty = all.required.isEmpty() && min == 0;
    Expr inside =
        max == 0
            ? Expr.NOTHING
            : inside(new Members(json.rules, json.comma, members, other, min, max));
    return json.enclosed("{", inside, mayBeEmpty, "}");
  }

  private Expr inside(Members members) {
    if (members.orders() == 0 || members.orders() > MAX_ORDERS - orders) {
      return members.inOrder();
    }
    orders += members.orders();
    return members.inAnyOrder();
  }

  /** Property names that match the same patterns. */
  private record Kind(Dfa names, Set<String> matched) {}

  /** Returns a member with a name other than the given ones. */
  private Expr others(Conjunction all, Set<String> names, Dfa allowed) {
    StateBudget budget = matcher.budget;
    Set<String> patterns = new LinkedHashSet<>();
    all.properties.forEach(each -> patterns.addAll(each.patterns().keySet()));
    boolean constrained = all.properties.stream().anyMatch(each -> each.additional() != null);
    boolean unmatched = constrained || patterns.isEmpty() || all.unevaluated != null;
    List<Kind> kinds =
        List.of(new Kind(allowed.minus(budget, StringRules.words(budget, names)), Set.of()));
    for (String pattern : patterns) {
      Dfa matching = matcher.automaton(all.at.below("patternProperties", pattern), pattern);
      List<Kind> cut = new ArrayList<>();
      for (Kind kind : kinds) {
        Set<String> matched = new HashSet<>(kind.matched);
        matched.add(pattern);
        cut.add(new Kind(kind.names.intersect(budget, matching), matched));
        cut.add(new Kind(kind.names.minus(budget, matching), kind.matched));
      }
      cut.removeIf(kind -> kind.names.isEmpty());
      if (cut.size() > MAX_KINDS) {
        throw all.at.error("patternProperties", "overlap in more than " + MAX_KINDS + " ways");
      }
      kinds = cut;
    }
    // Kinds with equal values are merged.
    Map<Expr, Dfa> members = new LinkedHashMap<>();
    for (Kind kind : kinds) {
      if (kind.names.isEmpty() || (kind.matched.isEmpty() && !unmatched)) {
        continue;
      }
      Expr value = values.apply(all.others(kind.matched));
      if (!value.equals(Expr.NOTHING)) {
        members.merge(value, kind.names, (one, other) -> one.union(budget, other));
      }
    }
    List<Expr> parts = new ArrayList<>();
    members.forEach(
        (value, keys) ->
            parts.add(Expr.sequence(StringRules.written(keys), JsonRules.COLON, value)));
    return parts.isEmpty()
        ? Expr.NOTHING
        : json.rules.add(all.at.below("additionalProperties"), Expr.choice(parts));
  }
}

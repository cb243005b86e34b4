package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
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

/** Objects of JSON schemas. */
final class ObjectRules {

  /** Sets of regular expressions that names of properties may match. */
  private static final int MAX_KINDS = 64;

  /** What {@link Members#orders} of all objects of a document may come to. */
  private static final int MAX_ORDERS = 2048;

  private final Rules rules;
  private final JsonRules json;
  private final TextMatcher matcher;
  private final StringRules strings;
  private final Function<Collection<Term>, Expr> values;
  private int orders;

  /**
   * Objects.
   *
   * @param values gives the values that keep to some schemas, {@link Expr#NOTHING} for none
   */
  ObjectRules(
      Rules rules,
      JsonRules json,
      TextMatcher matcher,
      StringRules strings,
      Function<Collection<Term>, Expr> values) {
    this.rules = rules;
    this.json = json;
    this.matcher = matcher;
    this.strings = strings;
    this.values = values;
  }

  /** An object: the properties that have a name, as {@link Members} has it, then others. */
  Expr object(Conjunction all) {
    int min = all.minProperties;
    for (JsonNode value : all.excluded) {
      if (value.isObject()) {
        if (!value.isEmpty()) {
          throw all.at.error("not", "cannot exclude an object that has properties");
        }
        min = Math.max(min, 1);
      }
    }
    int max = all.maxProperties;
    boolean free =
        all.properties.isEmpty() && all.required.isEmpty() && all.propertyNames.isEmpty();
    if (free && min == 0 && max < 0 && all.unevaluated == null) {
      return json.object();
    }
    Map<String, Set<Term>> names = all.names(matcher);
    Dfa allowed = names(all);
    List<Members.Member> members = new ArrayList<>();
    for (Map.Entry<String, Set<Term>> each : names.entrySet()) {
      String name = each.getKey();
      boolean required = all.required.contains(name);
      Expr value = allowed.matches(name) ? values.apply(each.getValue()) : Expr.NOTHING;
      if (!value.equals(Expr.NOTHING)) {
        String path = all.at.below("properties", name);
        Expr key = JsonRules.quoted(JsonRules.escaped(rules.text(name)));
        Expr pair = rules.add(path, Expr.sequence(key, JsonRules.COLON, value));
        members.add(new Members.Member(path, pair, required));
      } else if (required) {
        return Expr.NOTHING;
      }
    }
    Expr other = all.isClosed() ? Expr.NOTHING : others(all, names.keySet(), allowed);
    if (min > members.size() + 1 && !other.equals(Expr.NOTHING)) {
      throw all.at.error(
          "minProperties", "must be at most 1 more than the properties that have a name");
    }
    boolean mayBeEmpty = all.required.isEmpty() && min == 0;
    Expr inside =
        max == 0
            ? Expr.NOTHING
            : Expr.sequence(
                inside(new Members(rules, json.comma, members, other, min, max)), json.space);
    return Expr.sequence(
        Expr.text("{"), json.space, mayBeEmpty ? Expr.optional(inside) : inside, Expr.text("}"));
  }

  private Dfa names(Conjunction all) {
    return all.propertyNames.isEmpty() ? Dfa.ofLength(0, -1) : strings.texts(all.propertyNames);
  }

  private Expr inside(Members members) {
    if (members.orders() == 0 || members.orders() > MAX_ORDERS - orders) {
      return members.inOrder();
    }
    orders += members.orders();
    return members.inAnyOrder();
  }

  /** A kind of names that match the same regular expressions. */
  private record Kind(Dfa names, Set<String> matched) {}

  /** A member of another name than these. */
  private Expr others(Conjunction all, Set<String> names, Dfa allowed) {
    StateBudget budget = matcher.budget();
    Set<String> patterns = new LinkedHashSet<>();
    all.properties.forEach(each -> patterns.addAll(each.patterns().keySet()));
    boolean says = all.properties.stream().anyMatch(each -> each.additional() != null);
    boolean unmatched = says || patterns.isEmpty() || all.unevaluated != null;
    List<Kind> kinds =
        List.of(new Kind(allowed.minus(budget, StringRules.words(budget, names)), Set.of()));
    for (String pattern : patterns) {
      Dfa matching = matcher.automaton(all.at.below("patternProperties", pattern), pattern);
      List<Kind> cut = new ArrayList<>();
      for (Kind kind : kinds) {
        Set<String> matched = new HashSet<>(kind.matched);
        matched.add(pattern);
        cut.add(new Kind(kind.names.both(budget, matching), matched));
        cut.add(new Kind(kind.names.minus(budget, matching), kind.matched));
      }
      cut.removeIf(kind -> kind.names.isEmpty());
      if (cut.size() > MAX_KINDS) {
        throw all.at.error("patternProperties", "overlap in more than " + MAX_KINDS + " ways");
      }
      kinds = cut;
    }
    // Kinds of the same values are one.
    Map<Expr, Dfa> members = new LinkedHashMap<>();
    for (Kind kind : kinds) {
      if (kind.names.isEmpty() || (kind.matched.isEmpty() && !unmatched)) {
        continue;
      }
      Expr value = values.apply(all.others(kind.matched));
      if (!value.equals(Expr.NOTHING)) {
        members.merge(value, kind.names, (one, other) -> one.either(budget, other));
      }
    }
    List<Expr> parts = new ArrayList<>();
    members.forEach(
        (value, keys) ->
            parts.add(Expr.sequence(StringRules.written(keys), JsonRules.COLON, value)));
    return parts.isEmpty()
        ? Expr.NOTHING
        : rules.add(all.at.below("additionalProperties"), new Expr.Choice(parts));
  }
}

package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.StateBudget;
import java.util.Collection;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Compiles the string keywords of JSON Schema. */
final class StringRules {

  private final JsonRules json;
  private final TextMatcher matcher;
  private final SchemaExpansion expansion;

  StringRules(JsonRules json, TextMatcher matcher, SchemaExpansion expansion) {
    this.json = json;
    this.matcher = matcher;
    this.expansion = expansion;
  }

  /** Returns the expression of the strings. */
  Expr string(Conjunction all) {
    Conjunction.Count length = all.count("string");
    if (length.isEmpty()) {
      return Expr.NOTHING;
    }
    boolean counted = !length.equals(Conjunction.Count.ANY);
    boolean words = all.excluded.stream().anyMatch(JsonNode::isString);
    int kinds = all.patterns.size() + all.formats.size() + (counted ? 1 : 0) + (words ? 1 : 0);
    if (kinds == 0) {
      return json.string();
    }
    if (kinds == 1 && counted) {
      return JsonRules.quoted(new Expr.Repeat(json.character(), length.min(), length.max()));
    }
    if (kinds == 1 && !all.formats.isEmpty()) {
      String format = all.formats.iterator().next();
      return JsonRules.quoted(JsonRules.escaped(StringFormats.find(format, false).orElseThrow()));
    }
    if (kinds == 1 && !all.patterns.isEmpty()) {
      Conjunction.Pattern only = all.patterns.iterator().next();
      if (!only.negated()) {
        Expr match = matcher.expression(only.path(), only.regex());
        return JsonRules.quoted(JsonRules.escaped(match));
      }
    }
    return written(texts(all));
  }

  /** Returns the strings of an automaton's texts, each spelled in one way. */
  static Expr written(Dfa texts) {
    return texts.isEmpty()
        ? Expr.NOTHING
        : JsonRules.quoted(JsonRules.escaped(Expr.machine(texts)));
  }

  /** Returns the texts that a string may have. */
  private Dfa texts(Conjunction all) {
    Dfa texts = matching(all, false);
    int min = all.count("string").min();
    int limit = all.count("string").max();
    int longest = texts.longest();
    int max = longest >= 0 && longest <= limit ? -1 : limit;
    int most =
        all.formats.stream().mapToInt(StringFormats::briefLength).min().orElse(Integer.MAX_VALUE);
    if (max >= 0 && min <= most) {
      texts = matching(all, true);
      max = Math.min(max, most);
    }
    if (max >= 0 || min > texts.shortest()) {
      texts = texts.intersect(matcher.budget, Dfa.ofLength(min, max));
    }
    List<String> words =
        all.excluded.stream().filter(JsonNode::isString).map(JsonNode::stringValue).toList();
    return words.isEmpty() ? texts : texts.minus(matcher.budget, words(matcher.budget, words));
  }

  /** Returns the texts that match all patterns and formats, or the formats' short forms. */
  private Dfa matching(Conjunction all, boolean brief) {
    Dfa texts = Dfa.ofLength(0, -1);
    for (Conjunction.Pattern pattern : all.patterns) {
      Dfa matching = matcher.automaton(pattern.path(), pattern.regex());
      texts =
          pattern.negated()
              ? texts.minus(matcher.budget, matching)
              : texts.intersect(matcher.budget, matching);
    }
    for (String format : all.formats) {
      texts = texts.intersect(matcher.budget, matcher.format(format, brief));
    }
    return texts;
  }

  /** Returns the automaton of a list of texts. */
  static Dfa words(StateBudget budget, Collection<String> words) {
    return Dfa.of(
        budget, Expr.choice(words.stream().filter(TextMatcher::isText).map(Expr::text).toList()));
  }

  /** Returns the texts of the strings that satisfy several schemas. */
  Dfa texts(Collection<Term> terms) {
    if (terms.stream().allMatch(Term::isAnything)) {
      return Dfa.ofLength(0, -1);
    }
    Dfa texts = words(matcher.budget, List.of());
    for (Conjunction all : expansion.expand(terms)) {
      if (all.values != null) {
        List<String> values =
            all.values.stream().filter(JsonNode::isString).map(JsonNode::stringValue).toList();
        texts = texts.union(matcher.budget, words(matcher.budget, values));
      } else if (all.allows("string") && !all.count("string").isEmpty()) {
        texts = texts.union(matcher.budget, texts(all));
      }
    }
    return texts;
  }
}

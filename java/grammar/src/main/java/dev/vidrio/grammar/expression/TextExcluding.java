package dev.vidrio.grammar.expression;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The rules of texts that contain none of several words: one rule for each state of the
 * Aho-Corasick automaton (1975), which is the longest suffix of the text that is a prefix of a
 * word.
 */
public final class TextExcluding {
  private final List<String> words;
  private final Map<String, Expr.Call> states = new LinkedHashMap<>();
  private final CodePoints letters;

  /**
   * Adds the rules.
   *
   * @param words nonempty words of characters in the Basic Multilingual Plane
   */
  public TextExcluding(Rules rules, List<String> words) {
    this.words = words;
    this.letters = CodePoints.anyOf(String.join("", words));
    for (String word : words) {
      for (int i = 0; i < word.length(); i++) {
        states.computeIfAbsent(
            word.substring(0, i),
            prefix -> new Expr.Call(rules.declare("text without certain words")));
      }
    }
    states.forEach(
        (prefix, state) ->
            rules.define(state.rule(), Expr.choice(Expr.EMPTY, next(prefix, CodePoints.ALL))));
  }

  /** Returns the nonempty texts that begin with a character of a set. */
  public Expr beginningWith(CodePoints first) {
    return next("", first);
  }

  /** Returns a character of a set in a state, followed by the rule of the next state. */
  private Expr next(String prefix, CodePoints set) {
    Map<String, CodePoints> ways = new LinkedHashMap<>();
    ways.put("", set.minus(letters));
    for (CodePoints.Range range : set.intersect(letters).ranges()) {
      for (int c = range.first(); c <= range.last(); c++) {
        String text = prefix + (char) c;
        if (words.stream().noneMatch(text::endsWith)) {
          ways.merge(stateOf(text), CodePoints.of(c), CodePoints::union);
        }
      }
    }
    List<Expr> parts = new ArrayList<>();
    ways.forEach(
        (next, characters) ->
            parts.add(
                Expr.sequence(
                    new Expr.Chars(characters), Objects.requireNonNull(states.get(next)))));
    return new Expr.Choice(parts);
  }

  private String stateOf(String text) {
    int from = 0;
    while (!states.containsKey(text.substring(from))) {
      from++;
    }
    return text.substring(from);
  }
}

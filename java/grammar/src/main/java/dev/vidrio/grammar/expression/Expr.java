package dev.vidrio.grammar.expression;

import java.util.ArrayList;
import java.util.List;

/** A set of texts: what a rule of a grammar says, whatever it was written in. */
public sealed interface Expr {

  /** The empty text. */
  Expr EMPTY = new Sequence(List.of());

  /** No text at all. */
  Expr NOTHING = new Chars(CodePoints.NONE);

  /** One character of a set. */
  record Chars(CodePoints set) implements Expr {}

  /** One after the other. */
  record Sequence(List<Expr> parts) implements Expr {}

  /** One of several. */
  record Choice(List<Expr> parts) implements Expr {}

  /**
   * Again and again.
   *
   * @param max the highest count, −1 if there is none
   */
  record Repeat(Expr part, int min, int max) implements Expr {}

  /** What a rule says, by its number. */
  record Call(int rule) implements Expr {}

  /**
   * What an automaton takes.
   *
   * @param labels what is written for the sets of its edges, in their order
   */
  record Machine(Dfa dfa, List<List<Expr>> labels) implements Expr {}

  /** What an automaton takes, as it is. */
  static Expr machine(Dfa dfa) {
    List<List<Expr>> labels = new ArrayList<>();
    for (int state = 0; state < dfa.size(); state++) {
      labels.add(dfa.edges(state).stream().<Expr>map(edge -> new Chars(edge.set())).toList());
    }
    return new Machine(dfa, labels);
  }

  /** A text and nothing else. */
  static Expr text(String text) {
    return new Sequence(
        text.codePoints().<Expr>mapToObj(c -> new Chars(CodePoints.of(c))).toList());
  }

  /** One of the characters of a text. */
  static Expr anyOf(String characters) {
    return new Chars(CodePoints.anyOf(characters));
  }

  static Expr range(int first, int last) {
    return new Chars(CodePoints.range(first, last));
  }

  static Expr sequence(Expr... parts) {
    return new Sequence(List.of(parts));
  }

  static Expr choice(Expr... parts) {
    return new Choice(List.of(parts));
  }

  static Expr optional(Expr part) {
    return new Repeat(part, 0, 1);
  }

  static Expr star(Expr part) {
    return new Repeat(part, 0, -1);
  }
}

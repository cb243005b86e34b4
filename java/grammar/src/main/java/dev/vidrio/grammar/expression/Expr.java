package dev.vidrio.grammar.expression;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.text.Cursor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** The body of a grammar rule: a set of texts, independent of the source format. */
public sealed interface Expr {

  /** The empty text. */
  Expr EMPTY = new Sequence(List.of());

  /** The empty set of texts. */
  Expr NOTHING = new Chars(CodePoints.NONE);

  /** A character of a set. */
  record Chars(CodePoints set) implements Expr {}

  /** A concatenation. */
  record Sequence(List<Expr> parts) implements Expr {}

  /** An alternation. */
  record Choice(List<Expr> parts) implements Expr {}

  /**
   * A repetition.
   *
   * @param max the maximum count, −1 if unbounded
   */
  record Repeat(Expr part, int min, int max) implements Expr {}

  /** A rule by its number. */
  record Call(int rule) implements Expr {}

  /**
   * An automaton.
   *
   * @param labels the output of each edge, in order, which may differ from its set, for example by
   *     escaping
   */
  record Machine(Dfa dfa, List<List<Expr>> labels) implements Expr {}

  /** Returns an expression with each of its parts changed. */
  static Expr mapParts(Expr whole, UnaryOperator<Expr> change) {
    return switch (whole) {
      case Sequence(List<Expr> parts) -> new Sequence(parts.stream().map(change).toList());
      case Choice(List<Expr> parts) -> new Choice(parts.stream().map(change).toList());
      case Repeat(Expr part, int min, int max) -> new Repeat(change.apply(part), min, max);
      case Chars _, Call _, Machine _ -> whole;
    };
  }

  /** Returns an automaton with the sets of its edges as labels. */
  static Expr machine(Dfa dfa) {
    List<List<Expr>> labels = new ArrayList<>();
    for (int state = 0; state < dfa.size(); state++) {
      labels.add(dfa.edges(state).stream().<Expr>map(edge -> new Chars(edge.set())).toList());
    }
    return new Machine(dfa, labels);
  }

  /**
   * Returns a cursor at the beginning of a source of expressions.
   *
   * @param field the name of the source in errors
   */
  static Cursor cursor(String field, String text) {
    return new Cursor(text, 10_000, defect -> new InvalidInputException(field, text, defect));
  }

  /** Returns the expression of a literal text. */
  static Expr text(String text) {
    return new Sequence(
        text.codePoints().<Expr>mapToObj(c -> new Chars(CodePoints.of(c))).toList());
  }

  /** Returns the expression of one of several characters. */
  static Expr anyOf(String characters) {
    return new Chars(CodePoints.anyOf(characters));
  }

  /** Returns the expression of a character in a range. */
  static Expr range(int first, int last) {
    return new Chars(CodePoints.range(first, last));
  }

  /** Returns a concatenation. */
  static Expr sequence(Expr... parts) {
    return new Sequence(List.of(parts));
  }

  /** Returns an alternation. */
  static Expr choice(Expr... parts) {
    return new Choice(List.of(parts));
  }

  /** Returns an alternation; {@link #NOTHING} if there are no alternatives. */
  static Expr choice(List<Expr> parts) {
    return parts.isEmpty() ? NOTHING : parts.size() == 1 ? parts.getFirst() : new Choice(parts);
  }

  /** Returns zero or one of an expression. */
  static Expr optional(Expr part) {
    return new Repeat(part, 0, 1);
  }

  /** Returns zero or more of an expression. */
  static Expr star(Expr part) {
    return new Repeat(part, 0, -1);
  }
}

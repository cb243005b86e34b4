package dev.vidrio.grammar.expression;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayList;
import java.util.List;

/** The rules of a grammar, collected: a rule may be called before it is known what it says. */
public final class Rules {

  private static final int MAX_RULES = 20_000;

  private final String field;
  private final List<String> names = new ArrayList<>();
  private final List<Expr> rules = new ArrayList<>();

  /**
   * No rules yet.
   *
   * @param field what errors call the grammar
   */
  public Rules(String field) {
    this.field = field;
  }

  /** What errors call the grammar. */
  public String field() {
    return field;
  }

  /**
   * Adds a rule that says nothing yet, and returns its number.
   *
   * @param name what errors call the rule
   */
  public int declare(String name) {
    if (rules.size() == MAX_RULES) {
      throw new InvalidInputException(field, "", "has more than " + MAX_RULES + " rules");
    }
    names.add(name);
    rules.add(Expr.NOTHING);
    return rules.size() - 1;
  }

  /** Says what a rule says. */
  public void define(int rule, Expr expr) {
    rules.set(rule, expr);
  }

  /** Adds a rule, and returns the call of it. */
  public Expr.Call add(String name, Expr expr) {
    int rule = declare(name);
    define(rule, expr);
    return new Expr.Call(rule);
  }

  /** Adds all rules of another grammar, and returns the call of its first. */
  public Expr.Call include(Rules other) {
    int offset = size();
    for (int rule = 0; rule < other.size(); rule++) {
      var _ = add(other.name(rule), shifted(other.get(rule), offset));
    }
    return new Expr.Call(offset);
  }

  /** The same with calls of rules that come later by an offset. */
  private static Expr shifted(Expr expr, int offset) {
    return switch (expr) {
      case Expr.Chars chars -> chars;
      case Expr.Sequence(List<Expr> parts) ->
          new Expr.Sequence(parts.stream().map(part -> shifted(part, offset)).toList());
      case Expr.Choice(List<Expr> parts) ->
          new Expr.Choice(parts.stream().map(part -> shifted(part, offset)).toList());
      case Expr.Repeat(Expr part, int min, int max) ->
          new Expr.Repeat(shifted(part, offset), min, max);
      case Expr.Call(int rule) -> new Expr.Call(rule + offset);
      // Its labels are characters and how they are written, without calls.
      case Expr.Machine machine -> machine;
    };
  }

  /** A text from outside, and nothing else. */
  public Expr text(String text) {
    if (text.codePoints().anyMatch(c -> Character.getType(c) == Character.SURROGATE)) {
      throw new InvalidInputException(field, text, "has half a surrogate pair");
    }
    return Expr.text(text);
  }

  public int size() {
    return rules.size();
  }

  public String name(int rule) {
    return names.get(rule);
  }

  public Expr get(int rule) {
    return rules.get(rule);
  }
}

package dev.vidrio.grammar.expression;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/** The rules of a grammar under construction. A rule may be called before it is defined. */
public final class Rules {

  private static final int MAX_RULES = 20_000;

  private final String field;
  private final List<String> names = new ArrayList<>();
  private final List<Expr> rules = new ArrayList<>();
  private final Set<String> marks = new TreeSet<>();

  /**
   * Creates an empty grammar.
   *
   * @param field the name of the grammar in errors
   */
  public Rules(String field) {
    this.field = field;
  }

  /**
   * Returns the grammar of a single rule.
   *
   * @param root returns the body of the rule, and may add other rules that it calls
   */
  public static Rules of(String field, Function<Rules, Expr> root) {
    Rules rules = new Rules(field);
    rules.define(rules.declare(""), root.apply(rules));
    return rules;
  }

  /** Allows a special token of this name where its text is allowed. */
  public void allow(String mark) {
    marks.add(mark);
  }

  /** Returns the names of the special tokens that are allowed, sorted. */
  public Set<String> marks() {
    return Collections.unmodifiableSet(marks);
  }

  /** Returns the name of the grammar in errors. */
  public String field() {
    return field;
  }

  /**
   * Declares a rule and returns its number. Until {@link #define} it matches nothing.
   *
   * @param name the name of the rule in errors
   */
  public int declare(String name) {
    if (rules.size() == MAX_RULES) {
      throw new InvalidInputException(field, "", "has more than " + MAX_RULES + " rules");
    }
    names.add(name);
    rules.add(Expr.NOTHING);
    return rules.size() - 1;
  }

  /** Sets the body of a declared rule. */
  public void define(int rule, Expr expr) {
    rules.set(rule, expr);
  }

  /** Adds a rule and returns a call of it. */
  public Expr.Call add(String name, Expr expr) {
    int rule = declare(name);
    define(rule, expr);
    return new Expr.Call(rule);
  }

  /** Adds all rules of another grammar and returns a call of its rule 0. */
  public Expr.Call include(Rules other) {
    int offset = size();
    marks.addAll(other.marks);
    for (int rule = 0; rule < other.size(); rule++) {
      var _ = add(other.name(rule), shifted(other.get(rule), offset));
    }
    return new Expr.Call(offset);
  }

  /** Returns an expression with the rule numbers of its calls increased by an offset. */
  private static Expr shifted(Expr expr, int offset) {
    // Labels of automata are escaped characters and contain no calls.
    return expr instanceof Expr.Call(int rule)
        ? new Expr.Call(rule + offset)
        : Expr.mapParts(expr, part -> shifted(part, offset));
  }

  /**
   * Returns the expression of a literal text.
   *
   * @throws InvalidInputException if the text contains an unpaired surrogate
   */
  public Expr text(String text) {
    if (text.codePoints().anyMatch(c -> Character.getType(c) == Character.SURROGATE)) {
      throw new InvalidInputException(field, text, "has an unpaired surrogate");
    }
    return Expr.text(text);
  }

  /** Returns the number of rules. */
  public int size() {
    return rules.size();
  }

  /** Returns the name of a rule. */
  public String name(int rule) {
    return names.get(rule);
  }

  /** Returns the body of a rule. */
  public Expr get(int rule) {
    return rules.get(rule);
  }
}

package dev.vidrio.grammar;

import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
import dev.vidrio.grammar.expression.TextWithout;
import dev.vidrio.template.ThoughtMarks;

/** The rules of what a model thinks before an answer: anything up to the mark that ends it. */
final class ThoughtRules {
  /** Line breaks and blanks behind a thought; more could go on for ever. */
  private static final int BLANKS = 2;

  private ThoughtRules() {}

  /**
   * The rules of an answer with thoughts before it.
   *
   * @param begun whether the prompt has begun a thought
   */
  static Rules before(Rules answer, ThoughtMarks marks, boolean begun) {
    var rules = new Rules(answer.field());
    int root = rules.declare("");
    var without = new TextWithout(rules, marks.ends());
    Expr text = Expr.choice(Expr.EMPTY, without.beginningWith(CodePoints.ALL));
    Expr blanks = new Expr.Repeat(Expr.anyOf(" \n"), 0, BLANKS);
    Expr rest = Expr.sequence(text, Expr.text(marks.close()), blanks);
    Expr whole = Expr.sequence(Expr.text(marks.open()), rest);
    Expr thoughts = begun ? rest : new Expr.Repeat(whole, 0, marks.repeated() ? -1 : 1);
    rules.define(root, Expr.sequence(thoughts, Expr.text(marks.answer()), rules.include(answer)));
    return rules;
  }
}

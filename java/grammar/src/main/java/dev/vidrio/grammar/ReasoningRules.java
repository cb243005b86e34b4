package dev.vidrio.grammar;

import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
import dev.vidrio.grammar.expression.TextExcluding;
import dev.vidrio.template.ReasoningMarkers;

/** The rules of reasoning before a response: any text up to the closing marker. */
final class ReasoningRules {
  /** The maximum number of line breaks and spaces after reasoning. */
  private static final int BLANKS = 2;

  private ReasoningRules() {}

  /**
   * Returns the rules of a response with reasoning before it.
   *
   * @param open whether the prompt ends with open reasoning
   */
  static Rules before(Rules answer, ReasoningMarkers markers, boolean open) {
    return Rules.of(
        answer.field(),
        rules -> {
          rules.allow(markers.open());
          markers.ends().forEach(rules::allow);
          var without = new TextExcluding(rules, markers.ends());
          Expr text = Expr.choice(Expr.EMPTY, without.beginningWith(CodePoints.ALL));
          Expr blanks = new Expr.Repeat(Expr.anyOf(" \n"), 0, BLANKS);
          Expr rest = Expr.sequence(text, Expr.text(markers.close()), blanks);
          Expr whole = Expr.sequence(Expr.text(markers.open()), rest);
          Expr reasoning = open ? rest : new Expr.Repeat(whole, 0, markers.repeated() ? -1 : 1);
          return Expr.sequence(reasoning, Expr.text(markers.answer()), rules.include(answer));
        });
  }
}

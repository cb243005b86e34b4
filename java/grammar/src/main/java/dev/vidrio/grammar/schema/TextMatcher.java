package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.RegexReader;
import dev.vidrio.grammar.expression.StateBudget;
import java.util.HashMap;
import java.util.Map;

/** What the regular expressions of a schema say of texts, each read once. */
final class TextMatcher {

  private final Map<String, Expr> expressions = new HashMap<>();
  private final Map<String, Dfa> automata = new HashMap<>();
  private final StateBudget budget = new StateBudget(SchemaPart.FIELD);

  /** What automata may yet be made. */
  StateBudget budget() {
    return budget;
  }

  /** An expression that a text has a match of. */
  Expr expression(String path, String regex) {
    return expressions.computeIfAbsent(regex, each -> RegexReader.anywhere(field(path), each));
  }

  /** The texts that have a match of an expression. */
  Dfa automaton(String path, String regex) {
    return automata.computeIfAbsent(
        "/" + regex, ignored -> Dfa.of(budget, expression(path, regex)));
  }

  /** The texts of a format, or those of its brief form. */
  Dfa format(String format, boolean brief) {
    return automata.computeIfAbsent(
        (brief ? "-" : "=") + format,
        ignored -> Dfa.of(budget, StringFormats.find(format, brief).orElseThrow()));
  }

  boolean matches(SchemaPart part, String regex, String text) {
    return automaton(part.path(), regex).matches(text);
  }

  private static String field(String path) {
    return SchemaPart.FIELD + " '" + path + "'";
  }

  /** A text that is in no UTF-8 has no match. */
  static boolean isText(String text) {
    return text.codePoints().noneMatch(c -> Character.getType(c) == Character.SURROGATE);
  }
}

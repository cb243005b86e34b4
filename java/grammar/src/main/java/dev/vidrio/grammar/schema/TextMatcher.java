package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.RegexReader;
import dev.vidrio.grammar.expression.StateBudget;
import java.util.HashMap;
import java.util.Map;

/** The regular expressions and formats of a schema, each compiled once. */
final class TextMatcher {

  private final Map<String, Expr> expressions = new HashMap<>();
  private final Map<String, Dfa> automata = new HashMap<>();

  /** The remaining budget for automata. */
  final StateBudget budget = new StateBudget(Subschema.FIELD);

  /** Returns the expression of the texts that contain a match of a regular expression. */
  Expr expression(String path, String regex) {
    return expressions.computeIfAbsent(regex, each -> RegexReader.anywhere(field(path), each));
  }

  /** Returns the automaton of the texts that contain a match of a regular expression. */
  Dfa automaton(String path, String regex) {
    return automata.computeIfAbsent(
        "/" + regex, ignored -> Dfa.of(budget, expression(path, regex)));
  }

  /** Returns the automaton of a format, or of its short form. */
  Dfa format(String format, boolean brief) {
    return automata.computeIfAbsent(
        (brief ? "-" : "=") + format,
        ignored -> Dfa.of(budget, StringFormats.find(format, brief).orElseThrow()));
  }

  boolean matches(Subschema part, String regex, String text) {
    return automaton(part.path(), regex).matches(text);
  }

  private static String field(String path) {
    return Subschema.FIELD + " '" + path + "'";
  }

  /** Returns whether a string is valid Unicode; others match nothing. */
  static boolean isText(String text) {
    return text.codePoints().noneMatch(c -> Character.getType(c) == Character.SURROGATE);
  }
}

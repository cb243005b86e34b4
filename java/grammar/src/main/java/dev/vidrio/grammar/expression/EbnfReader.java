package dev.vidrio.grammar.expression;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.text.Cursor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Parses grammars in GBNF, llama.cpp's dialect of EBNF, without its references to tokens. A rule
 * ends at the end of its line, except within parentheses and after {@code |}.
 */
public final class EbnfReader {

  private static final String NAME =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  private static final Expr ANY = new Expr.Chars(CodePoints.ALL);

  /** The maximum number of repetitions of one element, which nest: {@code "a"{2}*} has two. */
  private static final int MAX_REPETITIONS = 4;

  private final Cursor in;
  private final Rules rules;
  private final Map<String, Integer> numbers = new HashMap<>();
  private final Set<String> defined = new HashSet<>();

  private EbnfReader(Cursor in, Rules rules) {
    this.in = in;
    this.rules = rules;
  }

  /**
   * Parses a grammar; its rule {@code root} is rule 0.
   *
   * @throws InvalidInputException if it is malformed, uses an unsupported feature, or a rule is
   *     missing or defined twice
   */
  public static Rules read(String field, String text) {
    EbnfReader reader = new EbnfReader(Expr.cursor(field, text), new Rules(field));
    int root = reader.number("root");
    assert root == 0;
    reader.space(true);
    while (!reader.in.isAtEnd()) {
      reader.rule();
    }
    for (String name : reader.numbers.keySet()) {
      if (!reader.defined.contains(name)) {
        throw new InvalidInputException(field + " rule", name, "is not defined");
      }
    }
    return reader.rules;
  }

  private int number(String name) {
    return numbers.computeIfAbsent(name, rules::declare);
  }

  private String name() {
    String name = in.run(NAME);
    if (name.isEmpty()) {
      throw in.error("no rule name");
    }
    return name;
  }

  private void space(boolean newLines) {
    while (in.atAnyOf(newLines ? " \t\r\n#" : " \t#")) {
      if (in.skip("#")) {
        while (!in.isAtEnd() && !in.atAnyOf("\r\n")) {
          var _ = in.next();
        }
      } else {
        var _ = in.next();
      }
    }
  }

  private void rule() {
    String name = name();
    space(false);
    in.expect("::=");
    space(true);
    if (!defined.add(name)) {
      throw in.error("a second definition of rule '" + name + "'");
    }
    rules.define(number(name), choice(false));
    if (!in.isAtEnd() && !in.atAnyOf("\r\n")) {
      throw in.error("unexpected text");
    }
    space(true);
  }

  private Expr choice(boolean nested) {
    List<Expr> parts = new ArrayList<>();
    parts.add(sequence(nested));
    while (in.skip("|")) {
      space(true);
      parts.add(sequence(nested));
    }
    return Expr.choice(parts);
  }

  private Expr sequence(boolean nested) {
    List<Expr> parts = new ArrayList<>();
    int repetitions = 0;
    while (in.atAnyOf("\"[(.*+?{<!") || in.atAnyOf(NAME)) {
      if (parts.isEmpty() && in.atAnyOf("*+?{")) {
        throw in.error("nothing to repeat");
      }
      Optional<Cursor.Repetition> times = in.repetition(() -> space(nested));
      if (times.isEmpty()) {
        parts.add(item());
        repetitions = 0;
      } else {
        if (++repetitions > MAX_REPETITIONS) {
          throw in.error("more than " + MAX_REPETITIONS + " repetitions of one element");
        }
        parts.add(new Expr.Repeat(parts.removeLast(), times.get().min(), times.get().max()));
      }
      space(nested);
    }
    return new Expr.Sequence(parts);
  }

  private Expr item() {
    if (in.skip("\"")) {
      return literal();
    }
    if (in.skip("[")) {
      return new Expr.Chars(set());
    }
    if (in.skip(".")) {
      return ANY;
    }
    if (in.skip("(")) {
      in.enter();
      space(true);
      Expr group = choice(true);
      in.leave();
      in.expect(")");
      return group;
    }
    if (in.atAnyOf("<!")) {
      throw in.error("an unsupported token reference");
    }
    return new Expr.Call(number(name()));
  }

  private Expr literal() {
    List<Expr> parts = new ArrayList<>();
    while (!in.skip("\"")) {
      parts.add(new Expr.Chars(CodePoints.of(character())));
    }
    return new Expr.Sequence(parts);
  }

  private CodePoints set() {
    boolean negated = in.skip("^");
    List<CodePoints> parts = new ArrayList<>();
    while (!in.skip("]")) {
      int first = character();
      boolean range = in.at("-") && !in.at("-]") && in.skip("-");
      int last = range ? character() : first;
      in.checkRange(first, last);
      parts.add(CodePoints.range(first, last));
    }
    if (parts.isEmpty()) {
      throw in.error("an empty character class");
    }
    CodePoints union = CodePoints.union(parts);
    return negated ? union.complement() : union;
  }

  private int character() {
    if (!in.skip("\\")) {
      return in.next();
    }
    int escaped = in.next();
    int character =
        switch (escaped) {
          case 'x' -> in.hexadecimal(2);
          case 'u' -> in.hexadecimal(4);
          case 'U' -> in.hexadecimal(8);
          case 't' -> '\t';
          case 'r' -> '\r';
          case 'n' -> '\n';
          case '\\', '"', '[', ']', '-' -> escaped;
          default -> throw in.error("the unknown escape '\\" + Character.toString(escaped) + "'");
        };
    if (Character.getType(character) == Character.SURROGATE) {
      throw in.error("an escape of a surrogate");
    }
    return character;
  }
}

package dev.vidrio.grammar.expression;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.text.Cursor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Parses regular expressions with the syntax and meaning of ECMA-262 with the flag {@code u}:
 * literals, classes, properties, groups, repetition. Unmatched closing brackets are literals, as
 * without the flag. Lazy repetition is equivalent to greedy repetition, since texts match as a
 * whole. Anchors may occur only at the ends of the top-level alternatives. Where regular expression
 * dialects disagree about white space, {@code \s} is what all treat as white space and {@code \S}
 * what none does. Lookahead, lookbehind, backreferences and flags are rejected.
 */
public final class RegexReader {

  private static final CodePoints DIGIT = CodePoints.range('0', '9');
  private static final CodePoints WORD =
      CodePoints.union(
          DIGIT, CodePoints.range('A', 'Z'), CodePoints.range('a', 'z'), CodePoints.of('_'));
  private static final CodePoints SPACE =
      CodePoints.union(CodePoints.range('\t', '\r'), CodePoints.of(' '));
  private static final CodePoints NO_SPACE =
      CodePoints.union(
              SPACE,
              CodePoints.anyOf("\u0085\u00A0\u1680\u2028\u2029\u202F\u205F\u3000\uFEFF"),
              CodePoints.range(0x2000, 0x200A))
          .complement();
  private static final Expr DOT = new Expr.Chars(CodePoints.anyOf("\n\r\u2028\u2029").complement());

  /** Any text. */
  static final Expr ANY = Expr.star(new Expr.Chars(CodePoints.ALL));

  private final Cursor in;

  private RegexReader(String field, String regex) {
    in = Expr.cursor(field, regex);
  }

  /**
   * Parses an expression that matches a text as a whole.
   *
   * @param field the name of the expression in errors
   * @throws InvalidInputException if it is malformed or uses an unsupported feature
   */
  public static Expr whole(String field, String regex) {
    return new RegexReader(field, regex).read(Expr.EMPTY);
  }

  /** Parses an expression that matches anywhere in a text. */
  public static Expr anywhere(String field, String regex) {
    return new RegexReader(field, regex).read(ANY);
  }

  /**
   * Parses all alternatives.
   *
   * @param around the expression before and after a match, where there is no anchor
   */
  private Expr read(Expr around) {
    // Alternatives with equal anchors share their surroundings, so that an automaton includes these
    // once.
    Map<List<Boolean>, List<Expr>> alternatives = new LinkedHashMap<>();
    do {
      boolean first = in.skip("^");
      Expr match = sequence();
      boolean last = in.skip("$");
      alternatives.computeIfAbsent(List.of(first, last), ignored -> new ArrayList<>()).add(match);
    } while (in.skip("|"));
    if (!in.isAtEnd()) {
      throw in.error(in.at(")") ? "an unmatched ')'" : "an anchor that is not at an end");
    }
    List<Expr> parts = new ArrayList<>();
    alternatives.forEach(
        (anchors, matches) ->
            parts.add(
                Expr.sequence(
                    anchors.getFirst() ? Expr.EMPTY : around,
                    new Expr.Choice(matches),
                    anchors.getLast() ? Expr.EMPTY : around)));
    return new Expr.Choice(parts);
  }

  private Expr choice() {
    List<Expr> parts = new ArrayList<>();
    do {
      parts.add(sequence());
    } while (in.skip("|"));
    return Expr.choice(parts);
  }

  private Expr sequence() {
    List<Expr> parts = new ArrayList<>();
    while (!in.isAtEnd() && !in.atAnyOf("|)$")) {
      parts.add(repeated(atom()));
    }
    return new Expr.Sequence(parts);
  }

  private Expr repeated(Expr atom) {
    return in.repetition(() -> {})
        .<Expr>map(
            times -> {
              var _ = in.skip("?");
              if (in.atAnyOf("*+?{")) {
                throw in.error("a possessive or doubled repetition");
              }
              return new Expr.Repeat(atom, times.min(), times.max());
            })
        .orElse(atom);
  }

  private Expr atom() {
    if (in.skip("(")) {
      return group();
    }
    if (in.skip("[")) {
      return new Expr.Chars(set());
    }
    if (in.skip(".")) {
      return DOT;
    }
    if (in.at("^")) {
      throw in.error("an anchor that is not at an end");
    }
    if (in.atAnyOf("*+?{")) {
      throw in.error("a '" + Character.toString(in.next()) + "' with nothing to repeat");
    }
    return new Expr.Chars(in.skip("\\") ? escape() : CodePoints.of(in.next()));
  }

  private Expr group() {
    if (in.skip("?")) {
      boolean named = in.at("<") && !in.at("<=") && !in.at("<!");
      if (named) {
        in.expect("<");
        var _ = in.until('>');
      } else if (!in.skip(":")) {
        throw in.error("an unsupported lookahead, lookbehind or flag");
      }
    }
    in.enter();
    Expr group = choice();
    in.leave();
    if (in.at("$")) {
      throw in.error("an anchor that is not at an end");
    }
    in.expect(")");
    return group;
  }

  private CodePoints set() {
    boolean negated = in.skip("^");
    List<CodePoints> parts = new ArrayList<>();
    while (!in.skip("]")) {
      int first = inSet(parts);
      if (first >= 0 && in.at("-") && !in.at("-]")) {
        in.expect("-");
        int last = inSet(parts);
        if (last < 0) {
          throw in.error("a range that ends in a class");
        }
        in.checkRange(first, last);
        parts.add(CodePoints.range(first, last));
      } else if (first >= 0) {
        parts.add(CodePoints.of(first));
      }
    }
    CodePoints union = CodePoints.union(parts);
    return negated ? union.complement() : union;
  }

  /** Reads a character of a class and returns it, or adds the set of an escape and returns −1. */
  private int inSet(List<CodePoints> parts) {
    if (!in.skip("\\")) {
      return in.next();
    }
    CodePoints escaped = escape();
    List<CodePoints.Range> ranges = escaped.ranges();
    if (ranges.size() == 1 && ranges.getFirst().first() == ranges.getFirst().last()) {
      return ranges.getFirst().first();
    }
    parts.add(escaped);
    return -1;
  }

  private CodePoints escape() {
    int c = in.next();
    return switch (c) {
      case 'd' -> DIGIT;
      case 'D' -> DIGIT.complement();
      case 'w' -> WORD;
      case 'W' -> WORD.complement();
      case 's' -> SPACE;
      case 'S' -> NO_SPACE;
      case 'p' -> property();
      case 'P' -> property().complement();
      case 't', 'n', 'r', 'f', 'v' -> CodePoints.of("\t\n\r\f\u000B".charAt("tnrfv".indexOf(c)));
      case 'c' -> control();
      case 'x' -> scalar(in.hexadecimal(2));
      case 'u' -> scalar(unicode());
      case 'b', 'B' -> throw in.error("an unsupported word boundary");
      default -> {
        if (Character.isLetterOrDigit(c)) {
          String what =
              Character.isDigit(c) || c == 'k'
                  ? "an unsupported backreference"
                  : "an unsupported escape";
          throw in.error(what + " '\\" + Character.toString(c) + "'");
        }
        yield CodePoints.of(c);
      }
    };
  }

  private CodePoints control() {
    int letter = in.next();
    if ((letter < 'A' || letter > 'Z') && (letter < 'a' || letter > 'z')) {
      throw in.error("an escape '\\c' without a letter");
    }
    return CodePoints.of(letter % 32);
  }

  private int unicode() {
    if (in.skip("{")) {
      String digits = in.run("0123456789abcdefABCDEF");
      in.expect("}");
      if (digits.isEmpty() || digits.length() > 6) {
        throw in.error("an invalid code point");
      }
      return Integer.parseInt(digits, 16);
    }
    int unit = in.hexadecimal(4);
    if (unit <= Character.MAX_VALUE && Character.isHighSurrogate((char) unit) && in.skip("\\u")) {
      int low = in.hexadecimal(4);
      if (Character.isLowSurrogate((char) low)) {
        return Character.toCodePoint((char) unit, (char) low);
      }
    }
    return unit;
  }

  private CodePoints scalar(int codePoint) {
    CodePoints one =
        codePoint > Character.MAX_CODE_POINT ? CodePoints.NONE : CodePoints.of(codePoint);
    if (one.isEmpty()) {
      throw in.error("an escape of a surrogate");
    }
    return one;
  }

  private CodePoints property() {
    in.expect("{");
    String name = in.until('}');
    return CharacterProperties.find(name)
        .orElseThrow(() -> in.error("the unknown property '" + name + "'"));
  }
}

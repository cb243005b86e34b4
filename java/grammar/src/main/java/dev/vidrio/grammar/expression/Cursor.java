package dev.vidrio.grammar.expression;

import dev.vidrio.error.InvalidInputException;
import java.util.HexFormat;

/** Goes through a grammar's text; errors tell the character. */
final class Cursor {

  private static final int MAX_DEPTH = 100;
  private static final int MAX_COUNT = 10_000;

  private final String field;
  private final String text;
  private int pos;
  private int depth;

  Cursor(String field, String text) {
    this.field = field;
    this.text = text;
  }

  InvalidInputException error(String what) {
    return new InvalidInputException(field, text, "has " + what + " at character " + pos);
  }

  boolean isAtEnd() {
    return pos == text.length();
  }

  boolean at(String prefix) {
    return text.startsWith(prefix, pos);
  }

  /** Whether the next character is one of these. */
  boolean atAnyOf(String characters) {
    return pos < text.length() && characters.indexOf(text.charAt(pos)) >= 0;
  }

  boolean skip(String prefix) {
    boolean found = at(prefix);
    if (found) {
      pos += prefix.length();
    }
    return found;
  }

  void expect(String prefix) {
    if (!skip(prefix)) {
      throw error("no '" + prefix + "'");
    }
  }

  /** Takes a code point. */
  int next() {
    if (isAtEnd()) {
      throw error("an unexpected end");
    }
    int codePoint = text.codePointAt(pos);
    if (Character.getType(codePoint) == Character.SURROGATE) {
      throw error("half a surrogate pair");
    }
    pos += Character.charCount(codePoint);
    return codePoint;
  }

  /** Takes characters as long as they are of some ASCII ones, given as a pattern of a class. */
  String run(String characters) {
    int start = pos;
    while (atAnyOf(characters)) {
      pos++;
    }
    return text.substring(start, pos);
  }

  /** Takes the text before a character, and the character. */
  String until(char end) {
    int found = text.indexOf(end, pos);
    if (found < 0) {
      throw error("no '" + end + "'");
    }
    String before = text.substring(pos, found);
    pos = found + 1;
    return before;
  }

  /** Takes a code point of so many hexadecimal digits. */
  int hexadecimal(int digits) {
    int end = pos + digits;
    if (end > text.length() || !text.substring(pos, end).chars().allMatch(HexFormat::isHexDigit)) {
      throw error("no " + digits + " hexadecimal digits");
    }
    long value = HexFormat.fromHexDigitsToLong(text, pos, end);
    if (value > Character.MAX_CODE_POINT) {
      throw error("no code point");
    }
    pos = end;
    return (int) value;
  }

  /** Takes a count of repetitions. */
  int count() {
    String digits = run("0123456789");
    if (digits.isEmpty()) {
      throw error("no count");
    }
    if (digits.length() > 9 || Integer.parseInt(digits) > MAX_COUNT) {
      throw error("a count above " + MAX_COUNT);
    }
    return Integer.parseInt(digits);
  }

  /**
   * Repeats an expression as {@code min} and {@code max} say.
   *
   * @param max the highest count, −1 if there is none
   */
  Expr repeat(Expr part, int min, int max) {
    if (max >= 0 && max < min) {
      throw error("a repetition of at least " + min + " and at most " + max);
    }
    return new Expr.Repeat(part, min, max);
  }

  /** A range of characters. */
  CodePoints range(int first, int last) {
    if (last < first) {
      throw error("an empty range");
    }
    return CodePoints.range(first, last);
  }

  void enter() {
    if (++depth > MAX_DEPTH) {
      throw error("more than " + MAX_DEPTH + " nested groups");
    }
  }

  void leave() {
    depth--;
  }
}

package dev.vidrio.grammar.expression;

import dev.vidrio.error.InvalidInputException;
import java.util.HexFormat;

/** A position in a grammar's source. Errors name the character. */
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

  /** Returns whether the next character is one of several. */
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

  /** Reads a code point. */
  int next() {
    if (isAtEnd()) {
      throw error("an unexpected end");
    }
    int codePoint = text.codePointAt(pos);
    if (Character.getType(codePoint) == Character.SURROGATE) {
      throw error("an unpaired surrogate");
    }
    pos += Character.charCount(codePoint);
    return codePoint;
  }

  /** Reads the longest run of the given ASCII characters. */
  String run(String characters) {
    int start = pos;
    while (atAnyOf(characters)) {
      pos++;
    }
    return text.substring(start, pos);
  }

  /** Reads the text before a character, and the character. */
  String until(char end) {
    int found = text.indexOf(end, pos);
    if (found < 0) {
      throw error("no '" + end + "'");
    }
    String before = text.substring(pos, found);
    pos = found + 1;
    return before;
  }

  /** Reads a code point of a number of hexadecimal digits. */
  int hexadecimal(int digits) {
    int end = pos + digits;
    if (end > text.length() || !text.substring(pos, end).chars().allMatch(HexFormat::isHexDigit)) {
      throw error("no " + digits + " hexadecimal digits");
    }
    long value = HexFormat.fromHexDigitsToLong(text, pos, end);
    if (value > Character.MAX_CODE_POINT) {
      throw error("an invalid code point");
    }
    pos = end;
    return (int) value;
  }

  /** Reads a repetition count. */
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
   * Returns a repetition.
   *
   * @param max the maximum count, −1 if unbounded
   */
  Expr repeat(Expr part, int min, int max) {
    if (max >= 0 && max < min) {
      throw error("a repetition of at least " + min + " and at most " + max);
    }
    return new Expr.Repeat(part, min, max);
  }

  /** Returns a range of characters. */
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

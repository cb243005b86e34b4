package dev.vidrio.tokenizer.text;

import java.util.HexFormat;
import java.util.Optional;
import java.util.function.Function;

/** A position in the source of a regular expression or grammar. Errors name the character. */
public final class Cursor {

  private static final int MAX_DEPTH = 100;

  private final String text;
  private final int maxCount;
  private final Function<String, RuntimeException> error;
  private int pos;
  private int depth;

  /**
   * Creates a cursor at the beginning.
   *
   * @param maxCount the maximum repetition count
   * @param error creates the error for a defect
   */
  public Cursor(String text, int maxCount, Function<String, RuntimeException> error) {
    this.text = text;
    this.maxCount = maxCount;
    this.error = error;
  }

  /** Creates the error for a defect at this position. */
  public RuntimeException error(String what) {
    return error.apply("has " + what + " at character " + pos);
  }

  /** Returns whether the text has ended. */
  public boolean isAtEnd() {
    return pos == text.length();
  }

  /** Returns whether a string is next. */
  public boolean at(String prefix) {
    return text.startsWith(prefix, pos);
  }

  /** Returns whether the next character is one of several. */
  public boolean atAnyOf(String characters) {
    return pos < text.length() && characters.indexOf(text.charAt(pos)) >= 0;
  }

  /** Returns at most a number of the next characters. */
  public String peek(int length) {
    return text.substring(pos, Math.min(pos + length, text.length()));
  }

  /** Skips a string and returns whether it was next. */
  public boolean skip(String prefix) {
    boolean found = at(prefix);
    if (found) {
      pos += prefix.length();
    }
    return found;
  }

  /** Skips a required string. */
  public void expect(String prefix) {
    if (!skip(prefix)) {
      throw error("no '" + prefix + "'");
    }
  }

  /** Reads a code point. */
  public int next() {
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
  public String run(String characters) {
    int start = pos;
    while (atAnyOf(characters)) {
      pos++;
    }
    return text.substring(start, pos);
  }

  /** Reads the text before a character, and the character. */
  public String until(char end) {
    int found = text.indexOf(end, pos);
    if (found < 0) {
      throw error("no '" + end + "'");
    }
    String before = text.substring(pos, found);
    pos = found + 1;
    return before;
  }

  /** Reads a code point of a number of hexadecimal digits. */
  public int hexadecimal(int digits) {
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

  /** A number of repetitions; unbounded if {@code max} is −1. */
  public record Repetition(int min, int max) {}

  /**
   * Reads a repetition operator, if there is one.
   *
   * @param space skips space within braces
   */
  public Optional<Repetition> repetition(Runnable space) {
    if (skip("*")) {
      return Optional.of(new Repetition(0, -1));
    }
    if (skip("+")) {
      return Optional.of(new Repetition(1, -1));
    }
    if (skip("?")) {
      return Optional.of(new Repetition(0, 1));
    }
    if (!skip("{")) {
      return Optional.empty();
    }
    space.run();
    int min = count();
    int max = min;
    space.run();
    if (skip(",")) {
      space.run();
      max = at("}") ? -1 : count();
      space.run();
    }
    expect("}");
    if (max >= 0 && max < min) {
      throw error("a repetition of at least " + min + " and at most " + max);
    }
    return Optional.of(new Repetition(min, max));
  }

  private int count() {
    String digits = run("0123456789");
    if (digits.isEmpty()) {
      throw error("no count");
    }
    if (digits.length() > 9 || Integer.parseInt(digits) > maxCount) {
      throw error("a count above " + maxCount);
    }
    return Integer.parseInt(digits);
  }

  /** Checks that a range of characters is not empty. */
  public void checkRange(int first, int last) {
    if (last < first) {
      throw error("an empty range");
    }
  }

  /** Enters a group. */
  public void enter() {
    if (++depth > MAX_DEPTH) {
      throw error("more than " + MAX_DEPTH + " nested groups");
    }
  }

  /** Leaves a group. */
  public void leave() {
    depth--;
  }
}

package dev.vidrio.template.value;

import java.math.BigInteger;
import java.util.function.LongSupplier;

/**
 * What a rendering may use. Templates come from model files, so nothing in them is trusted to end.
 *
 * <p>Every expression, statement and turn of a loop costs a step; text and lists cost steps by
 * their size as well, so that the number of steps bounds memory, and time on a machine that is not
 * busy. Time has a limit of its own as well.
 */
public final class Meter {

  /** Steps that a rendering may take beyond one for each character that came in. */
  static final int MAX_STEPS = 1_000_000;

  /**
   * Nested statements and expressions under evaluation, macro calls included: two and a half times
   * what a template is known to need, and few enough for a stack of 512 KiB.
   */
  static final int MAX_DEPTH = 256;

  /** Characters that a text may have beyond those that came in. */
  static final int MAX_TEXT = 1 << 20;

  /** Seconds that a rendering may take, a hundred times what the greatest number of steps needs. */
  static final int MAX_SECONDS = 20;

  private static final int STEPS_BETWEEN_LOOKS_AT_TIME = 1024;

  private static final int CHARACTERS_PER_STEP = 128;
  private static final int ELEMENTS_PER_STEP = 16;
  private static final int STEPS_PER_FLOAT = 16;

  private final long maxSteps;
  private final long maxText;
  private final LongSupplier nanoTime;
  private final long start;
  private long steps;
  private long nextLook = STEPS_BETWEEN_LOOKS_AT_TIME;
  private int depth;
  private int line = 1;

  /**
   * Starts a rendering.
   *
   * @param inputCharacters how many characters come in
   * @param nanoTime a clock as {@link System#nanoTime}
   */
  public Meter(long inputCharacters, LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.start = nanoTime.getAsLong();
    maxSteps = MAX_STEPS + inputCharacters;
    maxText = MAX_TEXT + inputCharacters;
  }

  /** The line under evaluation. */
  public int line() {
    return line;
  }

  /** Goes one level deeper, to a line; returns the line to come back to. */
  public int enter(int newLine) {
    int outer = line;
    line = newLine;
    if (++depth > MAX_DEPTH) {
      throw Fault.failed("nests deeper than " + MAX_DEPTH + " levels");
    }
    step();
    return outer;
  }

  /** Comes back from a level. A fault ends the rendering, so only success needs to come back. */
  public void leave(int outer) {
    depth--;
    line = outer;
  }

  public void step() {
    add(1);
  }

  /** Pays for making that many values. */
  public void values(long count) {
    add(count);
  }

  /** Pays for what takes the digits of a number: printing, rounding, comparing across types. */
  public void number(Value value) {
    add(
        value instanceof Value.Int(BigInteger integer)
            ? integer.bitLength() / 32
            : STEPS_PER_FLOAT);
  }

  /** Pays for reading or making that many characters. */
  public void characters(long count) {
    add(count / CHARACTERS_PER_STEP);
  }

  /** Pays for reading or copying that many list elements or dict entries. */
  public void elements(long count) {
    add(count / ELEMENTS_PER_STEP);
  }

  /** Pays for a text of that many characters, or refuses it; call it before making the text. */
  public void text(long length) {
    check(length);
    characters(length);
  }

  /** Pays for that many characters more in a text, or refuses them. */
  public void append(StringBuilder text, long added) {
    check(text.length() + added);
    characters(added);
  }

  private void check(long length) {
    if (length > maxText) {
      throw Fault.failed("makes a text of more than " + maxText + " characters");
    }
  }

  private void add(long count) {
    steps += count;
    if (steps > maxSteps) {
      throw Fault.failed("takes more than " + maxSteps + " steps");
    }
    if (steps >= nextLook) {
      nextLook = steps + STEPS_BETWEEN_LOOKS_AT_TIME;
      if (nanoTime.getAsLong() - start > MAX_SECONDS * 1_000_000_000L) {
        throw Fault.failed("takes more than " + MAX_SECONDS + " seconds");
      }
    }
  }
}

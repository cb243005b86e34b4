package dev.vidrio.template.value;

import java.math.BigInteger;
import java.util.function.LongSupplier;

/**
 * Limits the resources of a rendering, since templates of model files are not trusted to terminate.
 *
 * <p>Every expression, statement and loop iteration costs a step; text and lists also cost steps by
 * size, so the number of steps bounds memory, and time on an idle machine. Wall-clock time is
 * limited separately.
 */
public final class Meter {

  /** The maximum number of steps, in addition to one per input character. */
  static final int MAX_STEPS = 1_000_000;

  /**
   * The maximum depth of nested statements and expressions, including macro calls: two and a half
   * times the depth of known templates, and small enough for a stack of 512 KiB.
   */
  static final int MAX_DEPTH = 256;

  /** The maximum length of a text, in addition to the input characters. */
  static final int MAX_TEXT = 1 << 20;

  /**
   * The maximum duration in seconds, a hundred times the duration of the maximum number of steps.
   */
  static final int MAX_SECONDS = 20;

  private static final int STEPS_PER_TIME_CHECK = 1024;

  private static final int CHARACTERS_PER_STEP = 128;
  private static final int ELEMENTS_PER_STEP = 16;
  private static final int STEPS_PER_FLOAT = 16;

  private final long maxSteps;
  private final long maxText;
  private final LongSupplier nanoTime;
  private final long start;
  private long steps;
  private long nextTimeCheck = STEPS_PER_TIME_CHECK;
  private int depth;
  private int line = 1;

  /**
   * Starts a rendering.
   *
   * @param inputCharacters the number of characters of all inputs
   * @param nanoTime a clock like {@link System#nanoTime}
   */
  public Meter(long inputCharacters, LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.start = nanoTime.getAsLong();
    maxSteps = MAX_STEPS + inputCharacters;
    maxText = MAX_TEXT + inputCharacters;
  }

  /** Returns the line under evaluation. */
  public int line() {
    return line;
  }

  /** Enters a nested construct at a line, and returns the line to pass to {@link #leave}. */
  public int enter(int newLine) {
    int outer = line;
    line = newLine;
    if (++depth > MAX_DEPTH) {
      throw Fault.failed("nests deeper than " + MAX_DEPTH + " levels");
    }
    step();
    return outer;
  }

  /** Leaves a construct. Not needed after a fault, which ends the rendering. */
  public void leave(int outer) {
    depth--;
    line = outer;
  }

  /** Charges one step. */
  public void step() {
    add(1);
  }

  /** Charges the creation of values. */
  public void values(long count) {
    add(count);
  }

  /** Charges an operation on the digits of a number: printing, rounding, comparing across types. */
  public void number(Value value) {
    add(
        value instanceof Value.Int(BigInteger integer)
            ? integer.bitLength() / 32
            : STEPS_PER_FLOAT);
  }

  /** Charges reading or creating characters. */
  public void characters(long count) {
    add(count / CHARACTERS_PER_STEP);
  }

  /** Charges reading or copying list elements or dict entries. */
  public void elements(long count) {
    add(count / ELEMENTS_PER_STEP);
  }

  /** Charges a text before it is created, or rejects its length. */
  public void text(long length) {
    check(length);
    characters(length);
  }

  /** Charges characters to be appended to a text, or rejects them. */
  public void append(StringBuilder text, long added) {
    check(text.length() + added);
    characters(added);
  }

  private void check(long length) {
    if (length > maxText) {
      throw Fault.failed("creates a text of more than " + maxText + " characters");
    }
  }

  private void add(long count) {
    steps += count;
    if (steps > maxSteps) {
      throw Fault.failed("takes more than " + maxSteps + " steps");
    }
    if (steps >= nextTimeCheck) {
      nextTimeCheck = steps + STEPS_PER_TIME_CHECK;
      if (nanoTime.getAsLong() - start > MAX_SECONDS * 1_000_000_000L) {
        throw Fault.failed("takes more than " + MAX_SECONDS + " seconds");
      }
    }
  }
}

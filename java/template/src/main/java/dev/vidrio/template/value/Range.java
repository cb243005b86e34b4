package dev.vidrio.template.value;

import java.util.AbstractList;
import java.util.Objects;
import java.util.RandomAccess;

/** The integers of Python's {@code range(start, stop, step)}, computed on access. */
public final class Range extends AbstractList<Value> implements RandomAccess {

  /** The limit of Jinja's sandbox. */
  static final int MAX_SIZE = 100_000;

  private final long start;
  private final long stop;
  private final long step;
  private final int size;

  private Range(long start, long stop, long step, int size) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.size = size;
  }

  /** Returns a range. */
  public static Value of(long start, long stop, long step) {
    if (step == 0) {
      throw Fault.failed("range() requires a nonzero step");
    }
    double size = Math.max(0, Math.ceil(((double) stop - start) / step));
    if (size > MAX_SIZE) {
      throw Fault.failed("range() has more than " + MAX_SIZE + " integers");
    }
    return new Value.Sequence(Value.Shape.RANGE, new Range(start, stop, step, (int) size), 1);
  }

  @Override
  public Value get(int index) {
    return Value.of(start + Objects.checkIndex(index, size) * step);
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public String toString() {
    return "range(" + start + ", " + stop + (step == 1 ? ")" : ", " + step + ")");
  }
}

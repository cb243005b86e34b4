package dev.vidrio.template.value;

import java.util.AbstractList;
import java.util.List;
import java.util.Objects;

/** Python's {@code range}. */
public final class Range {

  /** The limit of Jinja's sandbox. */
  static final int MAX_SIZE = 100_000;

  private Range() {}

  /** Returns the integers of {@code range(start, stop, step)}, computed on access. */
  public static Value of(long start, long stop, long step) {
    if (step == 0) {
      throw Fault.failed("range() requires a nonzero step");
    }
    double size = Math.max(0, Math.ceil(((double) stop - start) / step));
    if (size > MAX_SIZE) {
      throw Fault.failed("range() has more than " + MAX_SIZE + " integers");
    }
    List<Value> integers =
        new AbstractList<>() {
          @Override
          public Value get(int index) {
            return Value.of(start + Objects.checkIndex(index, size()) * step);
          }

          @Override
          public int size() {
            return (int) size;
          }

          @Override
          public String toString() {
            return "range(" + start + ", " + stop + (step == 1 ? ")" : ", " + step + ")");
          }
        };
    return new Value.Sequence(Value.Shape.RANGE, integers, 1);
  }
}

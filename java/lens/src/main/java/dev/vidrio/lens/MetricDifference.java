package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The difference of two metrics.
 *
 * @param first the metric that counts positively
 * @param second the metric that is subtracted
 */
record MetricDifference(DifferentiableMetric first, DifferentiableMetric second)
    implements DifferentiableMetric {
  @Override
  public int positions() {
    return Math.max(first.positions(), second.positions());
  }

  @Override
  public double of(MemorySegment logits, MemorySegment gradient) {
    double value = first.of(last(logits, first), last(gradient, first));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment read = last(logits, second);
      MemorySegment less = arena.allocate(read.byteSize(), JAVA_FLOAT.byteAlignment());
      double subtracted = second.of(read, less);
      MemorySegment own = last(gradient, second);
      for (long w = 0; w < less.byteSize() / Float.BYTES; w++) {
        float before = own.getAtIndex(JAVA_FLOAT, w);
        own.setAtIndex(JAVA_FLOAT, w, before - less.getAtIndex(JAVA_FLOAT, w));
      }
      return value - subtracted;
    }
  }

  /** Returns the rows that one of the metrics reads. */
  private MemorySegment last(MemorySegment rows, DifferentiableMetric metric) {
    long row = rows.byteSize() / positions();
    return rows.asSlice(rows.byteSize() - row * metric.positions());
  }
}

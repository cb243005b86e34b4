package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A metric with its derivative with respect to each logit. */
public interface DifferentiableMetric extends Metric {
  /**
   * The number and its gradient.
   *
   * @param logits f32 [V], valid during this call
   * @param gradient f32 [V], 0 before: receives the derivative by each logit
   */
  double of(MemorySegment logits, MemorySegment gradient);

  /**
   * This number less another, such as the probabilities of right answers less those of wrong ones.
   */
  default DifferentiableMetric minus(DifferentiableMetric other) {
    return (logits, gradient) -> {
      double value = of(logits, gradient);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment less = arena.allocate(logits.byteSize(), JAVA_FLOAT.byteAlignment());
        double subtracted = other.of(logits, less);
        for (long w = 0; w < less.byteSize() / Float.BYTES; w++) {
          float own = gradient.getAtIndex(JAVA_FLOAT, w);
          gradient.setAtIndex(JAVA_FLOAT, w, own - less.getAtIndex(JAVA_FLOAT, w));
        }
        return value - subtracted;
      }
    };
  }

  @Override
  default double of(MemorySegment logits) {
    try (Arena arena = Arena.ofConfined()) {
      return of(logits, arena.allocate(logits.byteSize(), JAVA_FLOAT.byteAlignment()));
    }
  }
}

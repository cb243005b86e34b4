package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A {@link Metric} with its derivative with respect to each logit, for gradients and attribution.
 *
 * @see GradientSession#run
 */
public interface DifferentiableMetric extends Metric {
  /**
   * Returns the metric and computes its gradient.
   *
   * @param logits f32 [V], valid during this call
   * @param gradient f32 [V], zeros on entry; receives the derivative with respect to each logit
   */
  double of(MemorySegment logits, MemorySegment gradient);

  /**
   * Returns the difference of two metrics, such as the probability of correct answers minus that of
   * wrong ones.
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

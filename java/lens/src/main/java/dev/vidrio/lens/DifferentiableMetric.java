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
   * @param logits f32 [V], or [{@link #positions}, V], valid during this call
   * @param gradient f32 of equal shape, zeros on entry; receives the derivative with respect to
   *     each logit
   */
  double of(MemorySegment logits, MemorySegment gradient);

  /**
   * Returns the difference of two metrics, such as the probability of correct answers minus that of
   * wrong ones. If they read different numbers of positions, each reads the last ones.
   */
  default DifferentiableMetric minus(DifferentiableMetric other) {
    return new MetricDifference(this, other);
  }

  @Override
  default double of(MemorySegment logits) {
    try (Arena arena = Arena.ofConfined()) {
      return of(logits, arena.allocate(logits.byteSize(), JAVA_FLOAT.byteAlignment()));
    }
  }
}

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

  @Override
  default double of(MemorySegment logits) {
    try (Arena arena = Arena.ofConfined()) {
      return of(logits, arena.allocate(logits.byteSize(), JAVA_FLOAT.byteAlignment()));
    }
  }
}

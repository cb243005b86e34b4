package dev.vidrio.model.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * Computes log-probabilities of tokens, in nats, under the model itself, before bias, penalties and
 * temperature.
 */
public final class LogProbability {
  private LogProbability() {}

  /** Returns {@code logit − log Σ exp(logits)}, summed in double over f32 logits [V]. */
  public static double of(MemorySegment logits, int token) {
    return logits.getAtIndex(JAVA_FLOAT, token) - logSum(logits);
  }

  /** Returns {@code log Σ exp(logits)}, summed in double over f32 logits [V]. */
  public static double logSum(MemorySegment logits) {
    long n = logits.byteSize() / Float.BYTES;
    double max = Double.NEGATIVE_INFINITY;
    for (long i = 0; i < n; i++) {
      max = Math.max(max, logits.getAtIndex(JAVA_FLOAT, i));
    }
    double sum = 0;
    for (long i = 0; i < n; i++) {
      sum += Math.exp(logits.getAtIndex(JAVA_FLOAT, i) - max);
    }
    return max + Math.log(sum);
  }
}

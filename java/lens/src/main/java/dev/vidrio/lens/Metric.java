package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** What an intervention is judged by: a number from the logits [V] after the last token. */
@FunctionalInterface
public interface Metric {
  /**
   * The number.
   *
   * @param logits f32, valid during this call
   */
  double of(MemorySegment logits);

  /** The logit of one token less that of another. */
  static Metric logitDifference(int answer, int wrong) {
    return logits ->
        (double) logits.getAtIndex(JAVA_FLOAT, answer) - logits.getAtIndex(JAVA_FLOAT, wrong);
  }

  /** The probability of a token. */
  static Metric probability(int token) {
    return logits -> {
      double chosen = logits.getAtIndex(JAVA_FLOAT, token);
      double sum = 0;
      for (long w = 0; w < logits.byteSize() / Float.BYTES; w++) {
        sum += Math.exp(logits.getAtIndex(JAVA_FLOAT, w) - chosen);
      }
      return 1 / sum;
    };
  }
}

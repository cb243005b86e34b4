package dev.vidrio.lens;

import java.lang.foreign.MemorySegment;

/** The log-probability of an answer of several tokens: {@link Metric#logProbability(int[])}. */
final class AnswerLogProbability implements DifferentiableMetric {
  private final int[] answer;

  AnswerLogProbability(int[] answer) {
    this.answer = answer.clone();
  }

  @Override
  public int positions() {
    return answer.length;
  }

  @Override
  public double of(MemorySegment logits, MemorySegment gradient) {
    long row = logits.byteSize() / answer.length;
    double sum = 0;
    for (int k = 0; k < answer.length; k++) {
      DifferentiableMetric one = Metric.logProbability(answer[k]);
      sum += one.of(logits.asSlice(k * row, row), gradient.asSlice(k * row, row));
    }
    return sum;
  }
}

package dev.vidrio.lens;

import java.lang.foreign.MemorySegment;

/** An answer as greedy decoding gives it, or not: {@link Metric#greedy}. */
final class GreedyAnswer implements Metric {
  private final int[] answer;

  GreedyAnswer(int[] answer) {
    this.answer = answer.clone();
  }

  @Override
  public int positions() {
    return answer.length;
  }

  @Override
  public double of(MemorySegment logits) {
    long row = logits.byteSize() / answer.length;
    for (int k = 0; k < answer.length; k++) {
      Metric one = Metric.accuracy(new int[] {answer[k]}, new int[0]);
      if (one.of(logits.asSlice(k * row, row)) == 0) {
        return 0;
      }
    }
    return 1;
  }
}

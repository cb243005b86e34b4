package dev.vidrio.engine;

import java.time.Duration;

/** How long answers were lately, to tell how long the next ones may be. */
final class Answers {
  /** The weight of a new answer. */
  private static final double WEIGHT = 0.1;

  private double tokens;
  private volatile double nanos;

  void observe(Completion completion) {
    tokens = mean(tokens, completion.result().tokens().size());
    nanos = mean(nanos, (double) completion.total().toNanos());
  }

  private static double mean(double before, double value) {
    return before == 0 ? value : before + WEIGHT * (value - before);
  }

  /** The mean number of tokens, or {@code unknown} before the first answer. */
  int meanTokens(int unknown) {
    return tokens == 0 ? unknown : (int) Math.ceil(tokens);
  }

  /** The mean time from request to end; by any thread. */
  Duration meanTime() {
    return Duration.ofNanos((long) nanos);
  }
}

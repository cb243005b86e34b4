package dev.vidrio.engine.pace;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.request.RunningRequest;
import java.time.Duration;

/**
 * Recent means of the lengths and times of completed answers. Used by the scheduler's thread only.
 */
public final class CompletionStats {
  /** The weight of a new answer. */
  private static final double WEIGHT = 0.1;

  private double tokens;
  private double prompt;
  private volatile double nanos;
  private double runningNanos;

  /** Creates statistics without answers. */
  public CompletionStats() {}

  /** Adds a completed answer. */
  public void observe(Completion completion) {
    tokens = recentMean(tokens, completion.result().tokens().size(), WEIGHT);
    prompt =
        recentMean(prompt, completion.result().promptTokens() - completion.cachedTokens(), WEIGHT);
    nanos = recentMean(nanos, (double) completion.total().toNanos(), WEIGHT);
    Duration running = completion.total().minus(completion.queued());
    if (running.isPositive()) {
      runningNanos = recentMean(runningNanos, (double) running.toNanos(), WEIGHT);
    }
  }

  /** Returns the mean number of tokens, or {@code unknown} before the first answer. */
  int meanTokens(int unknown) {
    return tokens == 0 ? unknown : (int) Math.ceil(tokens);
  }

  /** Returns the mean time from submission to end. Thread-safe. */
  public Duration meanTime() {
    return Duration.ofNanos((long) nanos);
  }

  /** Returns the mean number of prompt tokens that were not cached; 0 before the first answer. */
  double meanPrompt() {
    return prompt;
  }

  /** Returns the mean time from first step to end in nanoseconds; 0 before the first answer. */
  double runningNanos() {
    return runningNanos;
  }

  /** Returns the mean time per generated token in nanoseconds; 0 before the first answer. */
  double tokenNanos() {
    return tokens == 0 ? 0 : runningNanos / tokens;
  }

  /** Estimates how many more tokens each sequence of a request will generate. */
  public int remainingTokens(RunningRequest active) {
    int max = active.request().options().tokens();
    return Math.max(0, Math.min(max, meanTokens(max)) - active.first().generated());
  }

  /**
   * Returns an exponentially weighted mean with one more value.
   *
   * @param before the mean so far; 0 before the first value
   * @param weight the weight of the new value
   */
  static double recentMean(double before, double value, double weight) {
    return before == 0 ? value : before + weight * (value - before);
  }
}

package dev.vidrio.engine.pace;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.text.Active;
import java.time.Duration;

/** How long answers and their prompts were lately, to tell how long the next ones may be. */
public final class Answers {
  /** The weight of a new answer. */
  private static final double WEIGHT = 0.1;

  private double tokens;
  private double prompt;
  private volatile double nanos;
  private double runningNanos;

  /** Takes one that has ended. */
  public void observe(Completion completion) {
    tokens = RecentMean.of(tokens, completion.result().tokens().size(), WEIGHT);
    prompt =
        RecentMean.of(
            prompt, completion.result().promptTokens() - completion.cachedTokens(), WEIGHT);
    nanos = RecentMean.of(nanos, (double) completion.total().toNanos(), WEIGHT);
    Duration running = completion.total().minus(completion.queued());
    if (running.isPositive()) {
      runningNanos = RecentMean.of(runningNanos, (double) running.toNanos(), WEIGHT);
    }
  }

  /** The mean number of tokens, or {@code unknown} before the first answer. */
  int meanTokens(int unknown) {
    return tokens == 0 ? unknown : (int) Math.ceil(tokens);
  }

  /** The mean time from request to end; by any thread. */
  public Duration meanTime() {
    return Duration.ofNanos((long) nanos);
  }

  /** The mean number of tokens of a prompt that were not in the cache, or 0 before the first. */
  double meanPrompt() {
    return prompt;
  }

  /** The mean time from first step to end, or 0 before the first answer. */
  double runningNanos() {
    return runningNanos;
  }

  /** The mean time of a token of an answer, or 0 before the first answer. */
  double tokenNanos() {
    return tokens == 0 ? 0 : runningNanos / tokens;
  }

  /** How many tokens the answer to a request, or each of its texts, is likely to get yet. */
  public int remainingTokens(Active active) {
    int most = active.request().options().tokens();
    return Math.max(0, Math.min(most, meanTokens(most)) - active.first().generated());
  }
}

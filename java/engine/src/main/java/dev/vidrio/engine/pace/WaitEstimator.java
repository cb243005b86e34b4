package dev.vidrio.engine.pace;

import dev.vidrio.engine.request.RunningRequest;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Estimates how long requests will wait until their prompts run, from the lengths and times of
 * recent stats. The scheduler's thread updates it; any thread may read it.
 */
public final class WaitEstimator {
  private final int sequences;
  private final CompletionStats stats;
  private final PrefillBudget budget;
  private volatile State state;

  /**
   * A snapshot of the load.
   *
   * @param running number of running requests
   * @param slots maximum number of running requests
   * @param prompts remaining prompt tokens of running requests that do not generate yet
   * @param prompt expected prompt tokens of a waiting request
   * @param promptNanos nanoseconds per prompt token while nothing generates
   * @param ends expected ends of running requests, ascending, as {@link System#nanoTime}
   * @param answerNanos expected nanoseconds that a request runs
   */
  record State(
      int running,
      int slots,
      List<Integer> prompts,
      double prompt,
      double promptNanos,
      List<Long> ends,
      double answerNanos) {
    /**
     * Estimates the wait of the last of {@code unfinished} requests. Prompts run one after the
     * other in the order of arrival, each as soon as it has a slot. Before the first answer, the
     * wait for a slot is unknown.
     */
    Optional<Duration> expectedWait(int unfinished, long now) {
      if (unfinished > slots && answerNanos == 0) {
        return Optional.empty();
      }
      double wait = 0;
      int decoding = running - prompts.size();
      int waiting = prompts.size() + Math.max(0, unfinished - running);
      for (int tokens : prompts) {
        wait += tokens * promptNanos * PrefillBudget.slowdown(decoding++, waiting--);
      }
      for (int i = running + 1; i <= unfinished; i++) {
        wait = Math.max(wait, untilSlot(i - slots, now));
        if (i < unfinished) {
          wait +=
              prompt * promptNanos * PrefillBudget.slowdown(Math.min(decoding++, slots), waiting--);
        }
      }
      return Optional.of(Duration.ofNanos((long) wait));
    }

    /**
     * Estimates when the k-th request without a slot gets one. It takes the slot of the k-th
     * request to end; that estimate alone is optimistic if answers are longer than the mean, so the
     * mean rate is a lower bound.
     */
    private double untilSlot(int k, long now) {
      if (k <= 0) {
        return 0;
      }
      double byRate = answerNanos * k / slots;
      double byEnds = ends.isEmpty() ? 0 : ends.get(Math.min(k, ends.size()) - 1) - now;
      return Math.max(byRate, byEnds);
    }
  }

  /**
   * Creates an estimator.
   *
   * @param sequences maximum number of running sequences
   * @param stats lengths and times of recent answers
   * @param budget times of recent prompts
   */
  public WaitEstimator(int sequences, CompletionStats stats, PrefillBudget budget) {
    this.sequences = sequences;
    this.stats = stats;
    this.budget = budget;
    this.state = new State(0, sequences, List.of(), 0, 0, List.of(), 0);
  }

  /**
   * Records the load. If requests wait, the running ones are taken as the maximum, since memory may
   * be the limit.
   */
  public void observe(List<RunningRequest> running, boolean someWait, long now) {
    double nanos = stats.tokenNanos();
    List<Long> ends =
        running.stream()
            .map(active -> now + (long) (nanos * stats.remainingTokens(active)))
            .sorted()
            .toList();
    List<Integer> prompts =
        running.stream().map(RunningRequest::pendingPrompt).filter(tokens -> tokens > 0).toList();
    state =
        new State(
            running.size(),
            someWait ? Math.max(1, running.size()) : sequences,
            prompts,
            stats.meanPrompt(),
            budget.promptNanos(),
            ends,
            stats.runningNanos());
  }

  /**
   * Estimates the wait of the last of {@code unfinished} requests. Empty if that has no slot, and
   * no answer has ended yet. Thread-safe.
   */
  public Optional<Duration> expectedWait(int unfinished) {
    return state.expectedWait(unfinished, System.nanoTime());
  }
}

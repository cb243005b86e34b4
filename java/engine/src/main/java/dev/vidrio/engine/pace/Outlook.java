package dev.vidrio.engine.pace;

import dev.vidrio.engine.text.Active;
import java.time.Duration;
import java.util.List;

/**
 * How long requests will have to wait until their prompts run, if answers go on to be as long and
 * to take the time that they lately did. The scheduler's thread keeps it up to date; any thread may
 * ask.
 */
public final class Outlook {
  private final int sequences;
  private final Answers answers;
  private final StepPace pace;
  private volatile State state;

  /**
   * What runs.
   *
   * @param running requests
   * @param places requests that can run at a time
   * @param prompts tokens that are left of the prompts of those that do not generate yet
   * @param prompt the same of one that has not begun
   * @param promptNanos that a token of a prompt takes, where nothing generates
   * @param ends when those that run will have ended, in ascending order, by {@link System#nanoTime}
   * @param answerNanos that a request runs
   */
  record State(
      int running,
      int places,
      List<Integer> prompts,
      double prompt,
      double promptNanos,
      List<Long> ends,
      double answerNanos) {
    /**
     * How long the last of so many requests will wait. Prompts run one after the other, in the
     * order in which requests came, each as soon as it has a place.
     */
    Duration expectedWait(int unfinished, long now) {
      double wait = 0;
      int decoding = running - prompts.size();
      int waiting = prompts.size() + Math.max(0, unfinished - running);
      for (int tokens : prompts) {
        wait += tokens * promptNanos * StepPace.slowdown(decoding++, waiting--);
      }
      for (int i = running + 1; i <= unfinished; i++) {
        wait = Math.max(wait, untilPlace(i - places, now));
        if (i < unfinished) {
          wait += prompt * promptNanos * StepPace.slowdown(Math.min(decoding++, places), waiting--);
        }
      }
      return Duration.ofNanos((long) wait);
    }

    /**
     * The k-th that has no place gets that of the k-th that ends. That alone would be too hopeful
     * where answers are longer than the mean, so it is no less than what their rate says. Nothing,
     * before there was an answer.
     */
    private double untilPlace(int k, long now) {
      if (k <= 0) {
        return 0;
      }
      double byRate = answerNanos * k / places;
      double byEnds = ends.isEmpty() ? 0 : ends.get(Math.min(k, ends.size()) - 1) - now;
      return Math.max(byRate, byEnds);
    }
  }

  /**
   * @param sequences that may run at a time
   * @param answers how long they lately were
   * @param pace how long prompts lately took
   */
  public Outlook(int sequences, Answers answers, StepPace pace) {
    this.sequences = sequences;
    this.answers = answers;
    this.pace = pace;
    this.state = new State(0, sequences, List.of(), 0, 0, List.of(), 0);
  }

  /** Notes what runs. Where some wait, no more than these have room, be it for want of memory. */
  public void observe(List<Active> running, boolean someWait, long now) {
    double nanos = answers.tokenNanos();
    List<Long> ends =
        running.stream()
            .map(active -> now + (long) (nanos * answers.remainingTokens(active)))
            .sorted()
            .toList();
    List<Integer> prompts =
        running.stream().map(Active::pendingPrompt).filter(tokens -> tokens > 0).toList();
    state =
        new State(
            running.size(),
            someWait ? Math.max(1, running.size()) : sequences,
            prompts,
            answers.meanPrompt(),
            pace.promptNanos(),
            ends,
            answers.runningNanos());
  }

  /** How long the last of so many requests will wait. */
  public Duration expectedWait(int unfinished) {
    return state.expectedWait(unfinished, System.nanoTime());
  }
}

package dev.vidrio.engine;

import java.time.Duration;
import java.util.List;

/**
 * How long requests will have to wait, if answers go on to be as long and to take the time that
 * they lately did. The scheduler's thread keeps it up to date; any thread may ask.
 */
final class Outlook {
  private final int sequences;
  private final Answers answers;
  private volatile State state;

  /**
   * @param places requests that run at a time
   * @param ends when those that run will have ended, in ascending order, by {@link System#nanoTime}
   */
  private record State(int places, List<Long> ends) {}

  /**
   * @param sequences that may run at a time
   */
  Outlook(int sequences, Answers answers) {
    this.sequences = sequences;
    this.answers = answers;
    this.state = new State(sequences, List.of());
  }

  /** Notes what runs. Where some wait, no more than these have room, be it for want of memory. */
  void observe(List<Active> running, boolean someWait, long now) {
    double nanos = answers.tokenNanos();
    List<Long> ends =
        running.stream()
            .map(active -> now + (long) (nanos * answers.remainingTokens(active)))
            .sorted()
            .toList();
    state = new State(someWait ? Math.max(1, running.size()) : sequences, ends);
  }

  /**
   * How long the last of so many requests will wait for its first step. The k-th that waits begins
   * when the k-th that runs has ended; that alone would be too hopeful where answers are longer
   * than the mean, so it is no less than what their rate says. Nothing, before there was an answer.
   */
  Duration expectedWait(int unfinished) {
    State now = state;
    int k = unfinished - now.places;
    if (k <= 0) {
      return Duration.ZERO;
    }
    long byRate = (long) (answers.runningNanos() * k / now.places);
    int ends = now.ends.size();
    long byEnds = ends == 0 ? 0 : now.ends.get(Math.min(k, ends) - 1) - System.nanoTime();
    return Duration.ofNanos(Math.max(byRate, byEnds));
  }
}

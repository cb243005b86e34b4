package dev.vidrio.hub.download;

import java.time.Duration;

/** Waits between two tries. */
@FunctionalInterface
public interface Backoff {

  /** Doubles from one second up to thirty. */
  Backoff EXPONENTIAL =
      (failures, atLeast) -> {
        Duration doubled = Duration.ofSeconds(Math.min(30, 1L << Math.min(failures - 1, 5)));
        Thread.sleep(doubled.compareTo(atLeast) > 0 ? doubled : atLeast);
      };

  /**
   * Waits.
   *
   * @param failures tries that failed in a row, from 1
   * @param atLeast what the server asked for, or zero
   */
  void pause(int failures, Duration atLeast) throws InterruptedException;
}

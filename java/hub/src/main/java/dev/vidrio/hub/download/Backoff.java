package dev.vidrio.hub.download;

import java.time.Duration;

/** Waits between two attempts. */
@FunctionalInterface
public interface Backoff {

  /** Doubles from 1 s up to 30 s. */
  Backoff EXPONENTIAL =
      (failures, atLeast) -> {
        Duration doubled = Duration.ofSeconds(Math.min(30, 1L << Math.min(failures - 1, 5)));
        Thread.sleep(doubled.compareTo(atLeast) > 0 ? doubled : atLeast);
      };

  /**
   * Waits.
   *
   * @param failures the number of consecutive failures, from 1
   * @param atLeast the minimum time that the server requests, or zero
   */
  void pause(int failures, Duration atLeast) throws InterruptedException;
}

package dev.vidrio.engine;

import dev.vidrio.engine.sequence.PrefixCache;
import dev.vidrio.kernel.KvCache;

/** Publishes the status of an engine from the scheduler's thread to all others. */
final class StatusBoard {
  /** Maximum age of the status while no request ends. */
  private static final long MAX_AGE_NANOS = 20_000_000;

  private final Counters counters;
  private final KvCache cache;
  private final PrefixCache prefixes;
  private volatile EngineStatus status;
  private long updatedAt = System.nanoTime();

  StatusBoard(Counters counters, KvCache cache, PrefixCache prefixes) {
    this.counters = counters;
    this.cache = cache;
    this.prefixes = prefixes;
    this.status = snapshot(0, 0);
  }

  /** Returns the last published status. Thread-safe. */
  EngineStatus status() {
    return status;
  }

  /** Returns whether the status is older than the maximum age. */
  boolean isOld(long now) {
    return now - updatedAt > MAX_AGE_NANOS;
  }

  /**
   * Publishes a new status.
   *
   * @param running number of running requests
   * @param waiting number of waiting requests
   */
  void update(int running, int waiting, long now) {
    status = snapshot(running, waiting);
    updatedAt = now;
  }

  private EngineStatus snapshot(int running, int waiting) {
    return counters.status(running, waiting, cache, prefixes);
  }
}

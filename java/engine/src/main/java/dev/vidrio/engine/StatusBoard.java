package dev.vidrio.engine;

import dev.vidrio.engine.text.PrefixCache;
import dev.vidrio.kernel.KvCache;

/** What an engine says of itself, by its own thread to all others. */
final class StatusBoard {
  /** How old a status may be while nothing ends. */
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

  /** The status; by any thread. */
  EngineStatus status() {
    return status;
  }

  /** Whether it may have changed. */
  boolean isOld(long now) {
    return now - updatedAt > MAX_AGE_NANOS;
  }

  /**
   * Takes it anew.
   *
   * @param running requests that run
   * @param waiting requests that wait
   */
  void update(int running, int waiting, long now) {
    status = snapshot(running, waiting);
    updatedAt = now;
  }

  private EngineStatus snapshot(int running, int waiting) {
    return counters.status(running, waiting, cache, prefixes);
  }
}

package dev.vidrio.engine;

import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.engine.sequence.PrefixCache;
import dev.vidrio.engine.sequence.PrefixDisk;
import dev.vidrio.kernel.KvCache;
import org.jspecify.annotations.Nullable;

/**
 * Cumulative counts of an engine, updated by the scheduler's thread and published to all others.
 */
final class Counters {
  /** Maximum age of the published status while no request ends. */
  private static final long MAX_AGE_NANOS = 20_000_000;

  private final KvCache cache;
  private final PrefixCache prefixes;
  private final @Nullable PrefixDisk disk;
  private volatile EngineStatus status;
  private long publishedAt = System.nanoTime();
  long promptTokens;
  long cachedTokens;
  long generatedTokens;
  long draftTokens;
  long acceptedTokens;
  long preemptions;
  long steps;

  Counters(KvCache cache, PrefixCache prefixes, @Nullable PrefixDisk disk) {
    this.cache = cache;
    this.prefixes = prefixes;
    this.disk = disk;
    this.status = status(0, 0);
  }

  /** Counts the prompt of a request that has begun to generate. */
  void countPrompt(RunningRequest active) {
    promptTokens += active.request().promptTokens();
    cachedTokens += active.cachedTokens();
  }

  /** Returns the last published status. Thread-safe. */
  EngineStatus status() {
    return status;
  }

  /** Returns whether the published status is older than the maximum age. */
  boolean isOld(long now) {
    return now - publishedAt > MAX_AGE_NANOS;
  }

  /**
   * Publishes the counts with the current load.
   *
   * @param running number of running requests
   * @param waiting number of waiting requests
   */
  void publish(int running, int waiting, long now) {
    status = status(running, waiting);
    publishedAt = now;
  }

  private EngineStatus status(int running, int waiting) {
    int cachedBlocks = prefixes.evictable();
    int cachedSlots = prefixes.evictableSlots();
    return new EngineStatus(
        running,
        waiting,
        cache.blocks(),
        cache.blocks() - cache.freeBlocks() - cachedBlocks,
        cachedBlocks,
        cache.slots(),
        cache.slots() - cache.freeSlots() - cachedSlots,
        cachedSlots,
        promptTokens,
        cachedTokens,
        generatedTokens,
        draftTokens,
        acceptedTokens,
        preemptions,
        steps,
        diskStatus());
  }

  private DiskCacheStatus diskStatus() {
    return disk == null
        ? DiskCacheStatus.NONE
        : new DiskCacheStatus(
            disk.hits(),
            disk.misses(),
            disk.readBytes(),
            disk.writtenBytes(),
            disk.dropped(),
            disk.pending(),
            disk.bytes());
  }
}

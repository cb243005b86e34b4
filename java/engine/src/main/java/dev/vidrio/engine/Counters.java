package dev.vidrio.engine;

import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.engine.sequence.PrefixCache;
import dev.vidrio.kernel.KvCache;

/** Cumulative counts of an engine, updated by the scheduler's thread. */
final class Counters {
  long promptTokens;
  long cachedTokens;
  long generatedTokens;
  long draftTokens;
  long acceptedTokens;
  long preemptions;
  long steps;

  /** Counts the prompt of a request that has begun to generate. */
  void countPrompt(RunningRequest active) {
    promptTokens += active.request().promptTokens();
    cachedTokens += active.cachedTokens();
  }

  /** Returns a snapshot with the current load. */
  EngineStatus status(int running, int waiting, KvCache cache, PrefixCache prefixes) {
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
        steps);
  }
}

package dev.vidrio.engine;

import dev.vidrio.engine.text.Active;
import dev.vidrio.engine.text.PrefixCache;
import dev.vidrio.kernel.KvCache;

/** What an engine has done since it was opened. */
final class Counters {
  long promptTokens;
  long cachedTokens;
  long generatedTokens;
  long draftTokens;
  long acceptedTokens;
  long preemptions;
  long steps;

  /** Counts the prompt of a request that has begun to answer. */
  void countPrompt(Active active) {
    promptTokens += active.request().promptTokens();
    cachedTokens += active.cachedTokens();
  }

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

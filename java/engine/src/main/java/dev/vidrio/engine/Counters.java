package dev.vidrio.engine;

import dev.vidrio.engine.text.Active;

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

  EngineStatus status(int running, int waiting, int blocks, int usedBlocks, int cachedBlocks) {
    return new EngineStatus(
        running,
        waiting,
        blocks,
        usedBlocks,
        cachedBlocks,
        promptTokens,
        cachedTokens,
        generatedTokens,
        draftTokens,
        acceptedTokens,
        preemptions,
        steps);
  }
}

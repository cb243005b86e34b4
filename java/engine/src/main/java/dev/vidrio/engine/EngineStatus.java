package dev.vidrio.engine;

/**
 * What an engine is doing, and has done since it was opened.
 *
 * @param running requests that have sequences
 * @param waiting requests that wait
 * @param blocks of the key-value cache, each of {@link dev.vidrio.kernel.KvCache#BLOCK} positions
 * @param usedBlocks those of running sequences
 * @param cachedBlocks those that only the prefix cache keeps, and gives up when they are needed
 * @param promptTokens tokens of the prompts of requests that have begun
 * @param cachedTokens those of them that were in the cache
 * @param generatedTokens tokens of answers
 * @param draftTokens tokens that speculation proposed
 * @param acceptedTokens those of them that were right
 * @param preemptions how often a running request had to give its memory to another
 * @param steps steps
 */
public record EngineStatus(
    int running,
    int waiting,
    int blocks,
    int usedBlocks,
    int cachedBlocks,
    long promptTokens,
    long cachedTokens,
    long generatedTokens,
    long draftTokens,
    long acceptedTokens,
    long preemptions,
    long steps) {}

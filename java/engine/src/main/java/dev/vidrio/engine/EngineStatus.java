package dev.vidrio.engine;

/**
 * An engine's current load, and its counts since it was opened.
 *
 * @param running requests that have sequences
 * @param waiting requests that wait
 * @param blocks of the key-value cache, each of {@link dev.vidrio.kernel.KvCache#BLOCK} positions
 * @param usedBlocks those of running sequences
 * @param cachedBlocks those that only the prefix cache holds, and releases when needed
 * @param slots places for the states of a text; 0 where the model has none
 * @param usedSlots those of running sequences
 * @param cachedSlots those that only the prefix cache holds
 * @param promptTokens prompt tokens of requests that have begun
 * @param cachedTokens those found in the prefix cache
 * @param generatedTokens tokens of answers
 * @param draftTokens tokens proposed by speculative decoding
 * @param acceptedTokens those accepted
 * @param preemptions how often a running request was preempted
 * @param steps steps
 */
public record EngineStatus(
    int running,
    int waiting,
    int blocks,
    int usedBlocks,
    int cachedBlocks,
    int slots,
    int usedSlots,
    int cachedSlots,
    long promptTokens,
    long cachedTokens,
    long generatedTokens,
    long draftTokens,
    long acceptedTokens,
    long preemptions,
    long steps) {}

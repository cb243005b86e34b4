package dev.vidrio.engine;

/**
 * The current load of an engine and its cumulative counts.
 *
 * @param running number of running requests
 * @param waiting number of waiting requests
 * @param blocks number of blocks of the key-value cache, each of {@link
 *     dev.vidrio.kernel.KvCache#BLOCK} positions
 * @param usedBlocks blocks of running sequences
 * @param cachedBlocks blocks that only the prefix cache holds; they are released when needed
 * @param slots number of slots for recurrent states; 0 if the model has none
 * @param usedSlots slots of running sequences
 * @param cachedSlots slots that only the prefix cache holds
 * @param promptTokens prompt tokens of requests that have begun
 * @param cachedTokens prompt tokens found in the prefix cache
 * @param generatedTokens generated tokens
 * @param draftTokens tokens proposed by speculative decoding
 * @param acceptedTokens draft tokens that the model accepted
 * @param preemptions number of preemptions of running requests
 * @param steps number of steps
 * @param disk the prefix cache on disk
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
    long steps,
    DiskCacheStatus disk) {}

package dev.vidrio.engine;

/**
 * The cumulative counts of an engine's prefix cache on disk. A state is a block of {@link
 * dev.vidrio.kernel.KvCache#BLOCK} tokens or, for models with recurrent states, a checkpoint.
 *
 * @param hits states that were read
 * @param misses lookups that found no state, or a damaged one
 * @param readBytes bytes of the states that were read
 * @param writtenBytes bytes of the states that were written
 * @param dropped states that were not written: memory needed their place first, or writing failed
 * @param pending states that wait to be written
 * @param bytes size of the directory with the states of all models and processes, as last counted
 */
public record DiskCacheStatus(
    long hits,
    long misses,
    long readBytes,
    long writtenBytes,
    long dropped,
    int pending,
    long bytes) {
  /** The counts of an engine without a cache on disk. */
  public static final DiskCacheStatus NONE = new DiskCacheStatus(0, 0, 0, 0, 0, 0, 0);
}

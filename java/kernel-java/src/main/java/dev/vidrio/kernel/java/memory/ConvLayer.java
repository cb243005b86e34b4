package dev.vidrio.kernel.java.memory;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import java.lang.foreign.MemorySegment;

/**
 * The rows of one layer of the cache that has a convolution; {@code vd_conv} says how they lie.
 *
 * @param stride bytes from a block to the next
 * @param width elements of a row
 */
public record ConvLayer(MemorySegment rows, long stride, int width) {
  public static ConvLayer of(KvCache cache, int layer, int width) {
    return new ConvLayer(cache.rows(layer), cache.stride(layer), width);
  }

  /** Where the row of a position begins, counted in elements. */
  public long row(Batch batch, int sequence, int position) {
    return batch.block(sequence, position) * (stride / Float.BYTES)
        + (long) position % KvCache.BLOCK * width;
  }
}

package dev.vidrio.kernel.java.memory;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.op.SequenceOp.Part;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The rows, or states, that a layer of the cache keeps, laid out as in {@code vd_conv}.
 *
 * @param stride bytes from a block, or a slot, to the next
 * @param width elements of a row
 * @param ring rows of the ring buffer in a slot, or 0 if rows are stored in blocks
 */
public record KeptRows(MemorySegment rows, long stride, int width, int ring) {
  /** Returns the rows of an input of a recurrence, or of a convolution layer. */
  public static KeptRows of(KvCache cache, int layer, @Nullable Part part, int width) {
    return part == null
        ? new KeptRows(cache.rows(layer), cache.stride(layer), width, 0)
        : new KeptRows(
            cache.rows(layer, part),
            cache.slotStride(),
            width,
            cache.shape().slotted(layer).ring());
  }

  /** Returns the states of a recurrence of independent elements. */
  public static KeptRows ofStates(KvCache cache, int layer, int width) {
    return new KeptRows(
        cache.states(layer), cache.slotStride(), width, cache.shape().slotted(layer).ring());
  }

  /** Returns the index of the row of a position, in elements. */
  public long row(Batch batch, int sequence, int position) {
    int place = ring > 0 ? batch.slot(sequence) : batch.block(sequence, position);
    return place * (stride / Float.BYTES)
        + (long) position % (ring > 0 ? ring : KvCache.BLOCK) * width;
  }
}

package dev.vidrio.kernel.java.memory;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;

/**
 * The cached rows of a convolution, laid out as in {@code vd_conv}.
 *
 * @param stride bytes from a block, or a slot, to the next
 * @param width elements of a row
 * @param ring rows of the ring buffer in a slot, or 0 if rows are stored in blocks
 */
public record ConvLayer(MemorySegment rows, long stride, int width, int ring) {
  public static ConvLayer of(KvCache cache, SequenceOp.Conv op) {
    int width = op.y().width();
    return op.part() == null
        ? new ConvLayer(cache.rows(op.layer()), cache.stride(op.layer()), width, 0)
        : new ConvLayer(
            cache.rows(op.layer(), op.part()),
            cache.slotStride(),
            width,
            cache.shape().recurrent(op.layer()).ring());
  }

  /** Returns the index of the row of a position, in elements. */
  public long row(Batch batch, int sequence, int position) {
    int place = ring > 0 ? batch.slot(sequence) : batch.block(sequence, position);
    return place * (stride / Float.BYTES)
        + (long) position % (ring > 0 ? ring : KvCache.BLOCK) * width;
  }
}

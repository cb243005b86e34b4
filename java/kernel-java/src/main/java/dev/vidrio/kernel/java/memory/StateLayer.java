package dev.vidrio.kernel.java.memory;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import java.lang.foreign.MemorySegment;

/**
 * The states of one layer, laid out as in {@code vd_recurrence}. Indices are in elements.
 *
 * @param stride bytes from one slot to the next
 */
public record StateLayer(MemorySegment memory, long stride, KvShape.Recurrent shape) {
  /** Positions of a span. */
  public static final int SPAN = KvShape.Recurrent.SPAN;

  public static StateLayer of(KvCache cache, int layer) {
    return new StateLayer(cache.states(layer), cache.slotStride(), cache.shape().recurrent(layer));
  }

  /** Returns the index of the state [d_k, d_v] of a head of a sequence. */
  public long state(Batch batch, int sequence, int head) {
    return batch.slot(sequence) * (stride / Float.BYTES) + head * shape.headFloats();
  }

  /** Returns the index of the keys [d_k, SPAN] of the span after a state. */
  public long keys(long state) {
    return state + (long) shape.dK() * shape.dV();
  }

  /** Returns the index of the updates [SPAN, d_v] of the span after a state. */
  public long updates(long state) {
    return keys(state) + (long) shape.dK() * SPAN;
  }

  /** Returns the index of the logarithms [SPAN] of the decays of the span after a state. */
  public long decays(long state) {
    return updates(state) + (long) shape.dV() * SPAN;
  }

  /**
   * Begins a position; position 0 clears the state.
   *
   * @return whether the previous span must first be added to the state
   */
  public boolean begin(long state, int position) {
    long at = decays(state) + SPAN;
    int span = position / SPAN;
    int before = Float.floatToRawIntBits(Elements.get(memory, at));
    Elements.set(memory, at, Float.intBitsToFloat(span));
    if (position == 0) {
      memory
          .asSlice(state * Float.BYTES, (long) shape.dK() * shape.dV() * Float.BYTES)
          .fill((byte) 0);
      return false;
    }
    return before != span;
  }
}

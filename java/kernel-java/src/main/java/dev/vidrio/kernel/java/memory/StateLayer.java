package dev.vidrio.kernel.java.memory;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import java.lang.foreign.MemorySegment;

/**
 * The states of one layer; {@code vd_recurrence} says how they lie. Places are counted in elements.
 *
 * @param stride bytes from a slot to the next
 */
public record StateLayer(MemorySegment memory, long stride, KvShape.Recurrent shape) {
  /** Positions of a span. */
  public static final int SPAN = KvShape.Recurrent.SPAN;

  public static StateLayer of(KvCache cache, int layer) {
    return new StateLayer(cache.states(layer), cache.slotStride(), cache.shape().recurrent(layer));
  }

  /** The state [d_k, d_v] of a head of a sequence. */
  public long state(Batch batch, int sequence, int head) {
    return batch.slot(sequence) * (stride / Float.BYTES) + head * shape.headFloats();
  }

  /** The keys [d_k, SPAN] beside a state. */
  public long keys(long state) {
    return state + (long) shape.dK() * shape.dV();
  }

  /** The updates [SPAN, d_v] beside a state. */
  public long updates(long state) {
    return keys(state) + (long) shape.dK() * SPAN;
  }

  /** The logarithms [SPAN] of the decays beside a state. */
  public long decays(long state) {
    return updates(state) + (long) shape.dV() * SPAN;
  }

  /**
   * Says that a position comes next. At position 0 the state is cleared.
   *
   * @return whether the span before has to be brought into the state first
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

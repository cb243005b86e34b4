package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KeptRows;
import java.lang.foreign.MemorySegment;

/**
 * A recurrence of independent elements, as defined by docs/numerics.md, and the memory of its
 * operands: all are [tokens, d].
 */
public record DiagonalRecurrence(
    KeptRows states, MemorySegment decay, MemorySegment gate, MemorySegment x, MemorySegment h) {

  /** Computes columns [begin, end) of all tokens. */
  public void run(Batch batch, int begin, int end) {
    for (int i = 0; i < batch.tokenCount(); i++) {
      int sequence = batch.sequence(i);
      int position = batch.position(i);
      long own = states.row(batch, sequence, position);
      for (int c = begin; c < end; c++) {
        long at = (long) i * states.width() + c;
        float state = Elements.get(x, at);
        if (position > 0) {
          long before = states.row(batch, sequence, position - 1) + c;
          float kept = ScalarMath.exp(Elements.get(decay, at));
          float added = Elements.get(gate, at) * state;
          state = Math.fma(kept, Elements.get(states.rows(), before), added);
        }
        Elements.set(states.rows(), own + c, state);
        Elements.set(h, at, state);
      }
    }
  }
}

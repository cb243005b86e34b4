package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.memory.Elements;
import java.lang.foreign.MemorySegment;

/**
 * The gradients of a recurrence of independent elements, as defined by docs/numerics.md, and the
 * memory of its operands: all are [tokens, d].
 *
 * @param width d
 */
public record DiagonalRecurrenceBackward(
    int width,
    MemorySegment decay,
    MemorySegment gate,
    MemorySegment x,
    MemorySegment dh,
    MemorySegment dDecay,
    MemorySegment dGate,
    MemorySegment dx) {

  /** Differentiates columns [begin, end) of all tokens. */
  public void run(Batch batch, int begin, int end) {
    for (int c = begin; c < end; c++) {
      storeShares(batch, c);
      differentiate(batch, c);
    }
  }

  /** Stores the share of the previous state in each state in the memory of dDecay. */
  private void storeShares(Batch batch, int c) {
    float h = 0;
    for (int i = 0; i < batch.tokenCount(); i++) {
      long at = (long) i * width + c;
      float value = Elements.get(x, at);
      if (isFirst(batch, i)) {
        h = value;
      } else {
        float kept = ScalarMath.exp(Elements.get(decay, at));
        Elements.set(dDecay, at, kept * h);
        h = Math.fma(kept, h, Elements.get(gate, at) * value);
      }
    }
  }

  private void differentiate(Batch batch, int c) {
    float gradient = 0;
    for (int i = batch.tokenCount() - 1; i >= 0; i--) {
      long at = (long) i * width + c;
      float own = Elements.get(dh, at);
      boolean isLast = i + 1 == batch.tokenCount() || isFirst(batch, i + 1);
      gradient =
          isLast ? own : Math.fma(ScalarMath.exp(Elements.get(decay, at + width)), gradient, own);
      boolean isFirst = isFirst(batch, i);
      Elements.set(dx, at, isFirst ? gradient : Elements.get(gate, at) * gradient);
      Elements.set(dGate, at, isFirst ? 0 : Elements.get(x, at) * gradient);
      Elements.set(dDecay, at, isFirst ? 0 : Elements.get(dDecay, at) * gradient);
    }
  }

  private static boolean isFirst(Batch batch, int row) {
    return row == 0 || batch.sequence(row) != batch.sequence(row - 1);
  }
}

package dev.vidrio.kernel.java.runtime;

import dev.vidrio.kernel.java.memory.KeptRows;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;

/** A convolution and the memory of its operands: x and y are [tokens, d]. */
public record Convolution(SequenceOp.Conv op, KeptRows cache, MemorySegment x, MemorySegment y) {
  /** Returns d. */
  public int width() {
    return cache.width();
  }

  /**
   * Returns the index of the kernel row for the token {@code back} positions earlier, in elements.
   */
  public long weights(int back) {
    return (long) (op.length() - 1 - back) * width();
  }
}

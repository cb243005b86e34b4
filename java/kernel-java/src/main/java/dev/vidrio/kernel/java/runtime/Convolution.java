package dev.vidrio.kernel.java.runtime;

import dev.vidrio.kernel.java.memory.ConvLayer;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;

/** A convolution and the memory that it touches: x and y are [tokens, d]. */
public record Convolution(SequenceOp.Conv op, ConvLayer cache, MemorySegment x, MemorySegment y) {
  /** d. */
  public int width() {
    return cache.width();
  }

  /** Where the kernel's row for what lies so many positions back begins, counted in elements. */
  public long weights(int back) {
    return (long) (op.length() - 1 - back) * width();
  }
}

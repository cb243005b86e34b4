package dev.vidrio.kernel.java.runtime;

import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;

/**
 * Attention and the memory of its operands.
 *
 * @param z the results, or their gradient in the backward pass
 */
public record Attention(SequenceOp.Attention op, KvLayer layer, MemorySegment q, MemorySegment z) {
  /** Returns the query heads that share a key-value head. */
  public int group() {
    return op.heads() / layer.heads();
  }
}

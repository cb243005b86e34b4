package dev.vidrio.kernel.java.step;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.StateLayer;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;

/**
 * Linear attention and the memory that it touches, as {@code vd_recurrence} says.
 *
 * @param z its results, or their gradient backward
 */
public record Recurrence(
    SequenceOp.Recurrence op,
    StateLayer states,
    MemorySegment q,
    MemorySegment k,
    MemorySegment v,
    MemorySegment step,
    MemorySegment beta,
    MemorySegment z) {
  /** H. */
  public int heads() {
    return states.shape().heads();
  }

  /** The head of queries and keys that a head of values reads. */
  public int keyHead(int head) {
    int keyHeads = states.shape().keyHeads();
    return switch (op.grouping()) {
      case TILED -> head % keyHeads;
      case ADJACENT -> head / (heads() / keyHeads);
    };
  }

  /** Where the query and the key of a token for a head of values begin. */
  public long keyRow(int token, int head) {
    return ((long) token * states.shape().keyHeads() + keyHead(head)) * states.shape().dK();
  }

  /** Where the value and the result of a token for a head begin. */
  public long valueRow(int token, int head) {
    return number(token, head) * states.shape().dV();
  }

  /** Where the step and the strength of a token for a head are. */
  public long number(int token, int head) {
    return (long) token * heads() + head;
  }

  /** How much of its value a token's result gets at once. */
  public float skip(int head) {
    Weights skip = op.skip();
    return skip == null ? 0 : Elements.get(skip.data(), head);
  }

  /** Whether the state's own answer to a key counts. */
  public boolean delta() {
    return op.update() == SequenceOp.Update.DELTA;
  }
}

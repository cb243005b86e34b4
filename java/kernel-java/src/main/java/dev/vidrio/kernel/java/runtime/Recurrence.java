package dev.vidrio.kernel.java.runtime;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.StateLayer;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.function.Function;

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
  /**
   * An operation in memory.
   *
   * @param data where activations lie
   * @param z results, or their gradient
   */
  public static Recurrence of(
      SequenceOp.Recurrence op, KvCache cache, Function<Buffer, MemorySegment> data, Buffer z) {
    return new Recurrence(
        op,
        StateLayer.of(cache, op.layer()),
        data.apply(op.inputs().q()),
        data.apply(op.inputs().k()),
        data.apply(op.inputs().v()),
        data.apply(op.inputs().step()),
        data.apply(op.inputs().beta()),
        data.apply(z));
  }

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

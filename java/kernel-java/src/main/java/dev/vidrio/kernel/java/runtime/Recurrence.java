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
 * Linear attention and the memory of its operands, laid out as in {@code vd_recurrence}.
 *
 * @param z the results, or their gradient in the backward pass
 */
public record Recurrence(
    SequenceOp.Recurrence op,
    StateLayer states,
    SequenceOp.Recurrence.Inputs<MemorySegment> inputs,
    MemorySegment z) {
  /**
   * Binds an operation to memory.
   *
   * @param data gives the memory of activations
   * @param z the results, or their gradient
   */
  public static Recurrence of(
      SequenceOp.Recurrence op, KvCache cache, Function<Buffer, MemorySegment> data, Buffer z) {
    StateLayer states = StateLayer.of(cache, op.layer());
    return new Recurrence(op, states, op.inputs().map(data), data.apply(z));
  }

  /** Returns H. */
  public int heads() {
    return states.shape().heads();
  }

  /** Returns the key head of a value head. */
  public int keyHead(int head) {
    int keyHeads = states.shape().keyHeads();
    return switch (op.grouping()) {
      case TILED -> head % keyHeads;
      case ADJACENT -> head / (heads() / keyHeads);
    };
  }

  /** Returns the index of the query and the key of a token for a value head. */
  public long keyRow(int token, int head) {
    return ((long) token * states.shape().keyHeads() + keyHead(head)) * states.shape().dK();
  }

  /** Returns the index of the value and the result of a token for a head. */
  public long valueRow(int token, int head) {
    return number(token, head) * states.shape().dV();
  }

  /** Returns the index of the step and the strength of a token for a head. */
  public long number(int token, int head) {
    return (long) token * heads() + head;
  }

  /** Returns the share of a token's value that is added to its result. */
  public float skip(int head) {
    Weights skip = op.skip();
    return skip == null ? 0 : Elements.get(skip.data(), head);
  }

  /** Returns whether updates follow the delta rule. */
  public boolean delta() {
    return op.update() == SequenceOp.Update.DELTA;
  }
}

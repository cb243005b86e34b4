package dev.vidrio.model.block;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.architecture.DraftPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A block that drafts tokens from hidden states of a model: from the token at position p and the
 * state of position p − 1, it predicts the token at position p + 1 before the model has run p.
 *
 * <p>The cache of the model has two more layers: the keys and values of the block, and the states,
 * so that shared prefixes, copies and truncation need no care. A step of the model stores both:
 * {@link #keys} adds that to its plan. A step of the block stores a state of its own instead, from
 * which its next step continues, until the model runs the position.
 *
 * @see "docs/adr/032-draft-blocks.md"
 */
public abstract class DraftBlock {
  private final Transformer block;
  private final int states;

  /**
   * Starts a block.
   *
   * @param block has a plan of the embedding alone; its width is that of the states
   * @param states layer of the cache with the states
   */
  DraftBlock(Transformer block, int states) {
    this.block = block;
    this.states = states;
  }

  /**
   * Writes the states of a step's tokens to the plan of the model.
   *
   * @param model the model up to its last layer
   * @param finalNorm tensor of the norm after the last layer
   * @param residual output of the last layer
   */
  abstract Buffer states(Transformer model, String finalNorm, Buffer residual);

  /**
   * Writes the plan of the block.
   *
   * @param finalNorm tensor of the model's norm after the last layer
   */
  abstract DraftPlan write(String finalNorm);

  /** Returns the builder of the block's plan. */
  PlanBuilder plan() {
    return block.plan();
  }

  /**
   * Reads the states of the positions before those of the tokens, zeros before the first one.
   *
   * @param any a buffer as wide as a state: a row of it takes the place of the token's own state,
   *     which is not read and is overwritten by {@link #keep}
   */
  Buffer previous(Buffer any) {
    return plan().conv("draft.previous", states, null, shift(any.width()), any);
  }

  /** Stores the states from which the next step of the block continues. */
  void keep(Buffer own) {
    plan().conv("draft.kept", states, null, shift(own.width()), own);
  }

  /** Returns the kernel [2, d] of a convolution that reads the row of the previous position. */
  private Weights shift(int d) {
    var rows = new float[2 * d];
    Arrays.fill(rows, 0, d, 1);
    return block.weights().constants("draft.shift", 2, d, rows);
  }

  /**
   * Returns the operations that a step of the model appends to store what the block reads of its
   * tokens later: states, keys and values.
   *
   * @param model operations of the model's plan
   * @param block operations of the block's plan
   * @param states those of the step's tokens
   */
  static List<Op> keys(List<Op> model, List<Op> block, Buffer states) {
    Set<Operand> needed = new HashSet<>();
    List<Op> keys = new ArrayList<>();
    for (Op op : block.reversed()) {
      boolean stores = op instanceof SequenceOp.KvStore;
      if (stores || op.writes().stream().anyMatch(needed::contains)) {
        needed.addAll(op.reads());
        keys.addFirst(op instanceof SequenceOp.Conv conv ? of(conv, states) : op);
      }
    }
    // The embedding of the tokens, if the block has none of its own.
    keys.removeAll(model);
    return keys;
  }

  private static Op of(SequenceOp.Conv conv, Buffer states) {
    return new SequenceOp.Conv(conv.layer(), conv.part(), conv.kernel(), states, conv.y());
  }
}

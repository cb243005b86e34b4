package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.sampling.Candidates;
import java.lang.foreign.MemorySegment;

/** Runs steps over any mix of prompt chunks and single tokens of several sequences. */
public interface BatchFeed extends Feed {
  /** A new, empty sequence. */
  Sequence newSequence();

  /** Begins a step. */
  void begin();

  /**
   * Adds the next token of a sequence to the step. Tokens of one sequence are added one after the
   * other.
   *
   * @param wantsLogits whether the step computes logits after this token
   * @throws InvalidInputException when the token id is unknown, the context or the step is full, or
   *     the sequence is another session's; the step is as it was
   */
  void add(Sequence sequence, int token, boolean wantsLogits);

  /**
   * Runs the step. Where it fails, whatever is thrown, its sequences have the lengths from before
   * it; those that had states then which are no longer known ({@link Sequence#firstReachable}) are
   * empty.
   */
  void run();

  /** Rows of logits of the last step. */
  int logitRows();

  /**
   * The logits [V] of row i of those that asked for them, f32, valid until the next step.
   *
   * @throws IndexOutOfBoundsException when the step has no such row
   */
  MemorySegment logits(int i);

  /**
   * The most likely tokens of row i of those that asked for logits, valid until the next step.
   *
   * @throws IndexOutOfBoundsException when the step has no such row
   */
  Candidates candidates(int i);

  @Override
  default Candidates candidates() {
    return candidates(logitRows() - 1);
  }

  /**
   * Checks that a sequence can take these tokens.
   *
   * @throws InvalidInputException when there is none, one is unknown, they do not fit into the
   *     context, or the sequence is another session's
   * @throws IllegalStateException when too little of the cache is free
   */
  void requireFits(Sequence sequence, int[] tokens);

  /**
   * {@inheritDoc} Where one of the steps fails, none of the tokens has run: the sequence has the
   * length from before the call, or is empty, as {@link #run} has it.
   */
  @Override
  default MemorySegment feed(Sequence sequence, int... tokens) {
    requireFits(sequence, tokens);
    int lengthBefore = sequence.length();
    try {
      for (int i = 0; i < tokens.length; ) {
        begin();
        int end = Math.min(tokens.length, i + limits().tokens());
        for (; i < end; i++) {
          add(sequence, tokens[i], i == tokens.length - 1);
        }
        run();
      }
    } catch (Throwable e) {
      sequence.goBack(lengthBefore);
      throw e;
    }
    return logits(logitRows() - 1);
  }
}

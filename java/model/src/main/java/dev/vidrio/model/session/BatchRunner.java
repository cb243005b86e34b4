package dev.vidrio.model.session;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Limits;
import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.model.sampling.Candidates;
import java.lang.foreign.MemorySegment;

/** Runs steps of any mix of prompt chunks and single tokens of several sequences. */
public interface BatchRunner {
  /** Returns the model that runs. */
  LoadedModel model();

  /** Returns the sizes of steps and sequences. */
  Limits limits();

  /** Returns a new, empty sequence. */
  Sequence newSequence();

  /** Begins a new step without tokens. */
  void begin();

  /**
   * Adds the next token of a sequence to the step. All tokens of one sequence are added without
   * others in between. If it throws, the step is unchanged.
   *
   * @param wantsLogits if true, the step computes logits after this token
   * @throws InvalidInputException if the token id is unknown, the context or the step is full, or
   *     the sequence belongs to another session
   */
  void add(Sequence sequence, int token, boolean wantsLogits);

  /**
   * Runs the step. If it throws, its sequences have the lengths from before the step, or are empty
   * if their recurrent states of that position are no longer known ({@link
   * Sequence#firstReachable}).
   */
  void run();

  /** Returns the number of rows of logits of the last step. */
  int logitRows();

  /**
   * Returns logits [V], f32, of row i among the tokens that asked for logits, valid until the next
   * step.
   *
   * @throws IndexOutOfBoundsException if the step has no such row
   */
  MemorySegment logits(int i);

  /**
   * Returns the most likely tokens of row i among the tokens that asked for logits, valid until the
   * next step.
   *
   * @throws IndexOutOfBoundsException if the step has no such row
   */
  Candidates candidates(int i);

  /** Returns the most likely tokens after the last row of logits, valid until the next step. */
  default Candidates candidates() {
    return candidates(logitRows() - 1);
  }

  /**
   * Checks that a sequence can run these tokens.
   *
   * @throws InvalidInputException if there is no token, an id is unknown, the tokens exceed the
   *     context, or the sequence belongs to another session
   * @throws IllegalStateException if too little of the key-value cache is free
   */
  void requireFits(Sequence sequence, int[] tokens);

  /**
   * Runs tokens in as many steps as they need, and computes logits after the last one. If a step
   * fails, the sequence has the length from before the call, or is empty as specified by {@link
   * #run}.
   *
   * @return the logits [V] after the last token, f32, valid until the next step
   * @throws InvalidInputException if there is no token, an id is unknown, the tokens exceed the
   *     context, or the sequence belongs to another session
   * @throws IllegalStateException if too little of the key-value cache is free
   */
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
      sequence.rollBack(lengthBefore);
      throw e;
    }
    return logits(logitRows() - 1);
  }
}

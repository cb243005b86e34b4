package dev.vidrio.model.session;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Limits;
import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.model.sampling.Candidates;
import java.lang.foreign.MemorySegment;

/** Runs tokens of one sequence and returns logits. Generators need no more of a session. */
public interface TokenRunner {
  /** Returns the model that runs. */
  LoadedModel model();

  /** Returns the sizes of steps and sequences. */
  Limits limits();

  /**
   * Runs tokens in as many steps as they need, and computes logits after the last one. If it
   * throws, the sequence is unchanged.
   *
   * @return the logits [V] after the last token, f32, valid until the next step
   * @throws InvalidInputException if there is no token, an id is unknown, the tokens exceed the
   *     context, or the sequence belongs to another session
   * @throws IllegalStateException if too little of the key-value cache is free
   */
  MemorySegment feed(Sequence sequence, int... tokens);

  /** Returns the most likely tokens after the last row of logits, valid until the next step. */
  Candidates candidates();
}

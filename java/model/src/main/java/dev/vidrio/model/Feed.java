package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Limits;
import dev.vidrio.model.sampling.Candidates;
import java.lang.foreign.MemorySegment;

/** Runs tokens of a sequence and returns the logits: what a {@link Generator} needs. */
public interface Feed {
  /** What there is room for. */
  Limits limits();

  /**
   * Runs the tokens of a prompt in as many steps as they need, with logits after the last.
   *
   * @return the logits [V] after the last token, f32, valid until the next step
   * @throws InvalidInputException when there is no token, one is unknown, they do not fit into the
   *     context, or the sequence is another session's; the sequence is as it was
   * @throws IllegalStateException when too little of the key-value cache is free; so it is then too
   */
  MemorySegment feed(Sequence sequence, int... tokens);

  /** The most likely tokens of the last row that asked for logits, valid until the next step. */
  Candidates candidates();
}

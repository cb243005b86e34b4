package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import java.io.IOException;

/**
 * A training on a text of any length that streams through a model.
 *
 * <p>Training has rounds. In each, activations of the next part of the text are collected outside
 * the heap, up to the buffer of the options, and then used once, in random order. At the end of the
 * text it starts again; a text that fits into one round runs through the model only once.
 *
 * <p>Checkpoints are written at the end of rounds. A training with equal options and text that is
 * given the file continues there, and its result has the bits of one that was not interrupted.
 *
 * <p>Implementations are not thread-safe.
 */
public interface TextTraining extends AutoCloseable {
  /** Returns whether all steps have run; more text is then ignored. */
  boolean isDone();

  /** Returns the number of features that were not active for some time. */
  int dead();

  /**
   * Adds the next chunk of the text, and trains if the activations in memory are complete.
   *
   * @throws IOException if a checkpoint cannot be written
   * @throws InvalidInputException if the text is not that of the checkpoint
   */
  void add(int[] chunk) throws IOException;

  /**
   * Ends a pass through the text. The next chunk is the first again; if {@link #isDone()} is false,
   * the text is to be passed once more.
   *
   * @throws IOException if a checkpoint cannot be written
   * @throws InvalidInputException if the text has fewer tokens than a batch, or is not that of the
   *     checkpoint
   */
  void endText() throws IOException;

  @Override
  void close();
}

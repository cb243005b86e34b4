package dev.vidrio.lens.decode.sae.train;

/**
 * Trains a dictionary by steps on batches of activations. A row has the inputs of a token and then
 * its outputs, unless these are the inputs.
 *
 * @param <P> the measurements of a step
 */
public interface BatchTrainer<P> extends AutoCloseable {
  /** Returns the number of floats of a row. */
  int columns();

  /** Sets scales and biases to those of some activations, before the first step. */
  void prepare(ActivationRows rows);

  /**
   * Runs one step.
   *
   * @param rows activations of tokens, [batch][columns], overwritten
   */
  P step(float[][] rows);

  /** Returns all that steps change. */
  TrainingState state();

  @Override
  void close();
}

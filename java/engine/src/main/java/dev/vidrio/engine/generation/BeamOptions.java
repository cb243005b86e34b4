package dev.vidrio.engine.generation;

import dev.vidrio.error.InvalidInputException;

/**
 * Options of a beam search for the most likely answers, with {@code width} beams. An answer's score
 * is
 *
 * <pre>
 *   Σ log p(token) / tokens ^ lengthPenalty
 * </pre>
 *
 * <p>over the generated tokens, including the one that ends the answer; probabilities are the
 * model's own.
 *
 * @param width number of beams
 * @param lengthPenalty 0 ranks by probability, 1 by probability per token; larger values favor long
 *     answers, smaller ones short answers
 * @param stopping when the search ends
 */
public record BeamOptions(int width, double lengthPenalty, Stopping stopping) {

  /**
   * When a search ends, once {@code width} answers have ended: {@code early_stopping} elsewhere.
   */
  public enum Stopping {
    /** At once ({@code True}). */
    FIRST,
    /**
     * When the most likely text, if it ended now, would score no better than the worst of them
     * ({@code False}). Longer answers might still be better where the length penalty is positive.
     */
    HEURISTIC,
    /** When no text can become better than the worst of them ({@code "never"}). */
    EXACT
  }

  /** Checks the ranges. */
  public BeamOptions {
    if (width < 1) {
      throw new InvalidInputException("beams", Integer.toString(width), "must be at least 1");
    }
    if (!(Math.abs(lengthPenalty) <= 100)) {
      throw new InvalidInputException(
          "length penalty", Double.toString(lengthPenalty), "must be -100 to 100");
    }
  }

  /** A search that ranks by probability per token and ends by {@link Stopping#HEURISTIC}. */
  public static BeamOptions of(int width) {
    return new BeamOptions(width, 1, Stopping.HEURISTIC);
  }

  /** The same with another length penalty. */
  public BeamOptions withLengthPenalty(double penalty) {
    return new BeamOptions(width, penalty, stopping);
  }

  /** The same with another end. */
  public BeamOptions withStopping(Stopping when) {
    return new BeamOptions(width, lengthPenalty, when);
  }

  /** The score of an answer. */
  public double score(double logProbability, int tokens) {
    return tokens == 0 ? 0 : logProbability / StrictMath.pow(tokens, lengthPenalty);
  }
}

package dev.vidrio.engine.generation;

import dev.vidrio.error.InvalidInputException;

/**
 * Options of a beam search for the most likely answers, with {@code width} beams. The score of an
 * answer is
 *
 * <pre>
 *   Σ log p(token) / tokens ^ lengthPenalty
 * </pre>
 *
 * <p>over the generated tokens, including the one that ends the answer; probabilities are those of
 * the model itself. Equal to {@code num_beams} and {@code length_penalty} of transformers.
 *
 * @param width number of beams
 * @param lengthPenalty 0 ranks by probability, 1 by probability per token; larger values favor long
 *     answers, smaller ones short answers
 * @param stopping when the search ends
 */
public record BeamOptions(int width, double lengthPenalty, Stopping stopping) {

  /**
   * When a search ends, once {@code width} answers have ended: {@code early_stopping} in
   * transformers.
   */
  public enum Stopping {
    /** Immediately ({@code True}). */
    FIRST,
    /**
     * When the most likely beam, if it ended now, would score no better than the worst of them
     * ({@code False}). With a positive length penalty, longer answers might still be better.
     */
    HEURISTIC,
    /** When no beam can become better than the worst of them ({@code "never"}). */
    EXACT
  }

  /** Rejects values that are out of range. */
  public BeamOptions {
    if (width < 1) {
      throw new InvalidInputException("beams", width, "must be at least 1");
    }
    InvalidInputException.requireRange("length penalty", lengthPenalty, -100, 100);
  }

  /**
   * Returns a search that ranks by probability per token and ends by {@link Stopping#HEURISTIC}.
   */
  public static BeamOptions of(int width) {
    return new BeamOptions(width, 1, Stopping.HEURISTIC);
  }

  /** Returns a copy with another length penalty. */
  public BeamOptions withLengthPenalty(double penalty) {
    return new BeamOptions(width, penalty, stopping);
  }

  /** Returns the score of an answer. */
  public double score(double logProbability, int tokens) {
    return tokens == 0 ? 0 : logProbability / StrictMath.pow(tokens, lengthPenalty);
  }
}

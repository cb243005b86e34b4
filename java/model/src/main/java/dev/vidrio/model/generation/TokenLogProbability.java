package dev.vidrio.model.generation;

import java.util.List;

/**
 * A token's log-probability under the model itself, before bias, penalties, grammar and
 * temperature.
 *
 * @param token the token id
 * @param logProbability in nats
 * @param top the most likely tokens at this position, as many as requested, in descending order
 */
public record TokenLogProbability(int token, double logProbability, List<Alternative> top) {
  /**
   * One of the most likely tokens at a position.
   *
   * @param token the token id
   * @param logProbability in nats
   */
  public record Alternative(int token, double logProbability) {}

  /** Copies the alternatives. */
  public TokenLogProbability {
    top = List.copyOf(top);
  }
}

package dev.vidrio.engine.generation;

import java.util.List;

/**
 * A token's log-probability under the model itself, before bias, penalties, grammar and
 * temperature.
 *
 * @param token its id
 * @param logProbability in nats
 * @param top the most likely tokens at its position, as many as requested, in descending order
 */
public record TokenLogProbability(int token, double logProbability, List<Alternative> top) {
  /**
   * A token that might have come.
   *
   * @param token its id
   * @param logProbability in nats
   */
  public record Alternative(int token, double logProbability) {}

  /** Copies the alternatives. */
  public TokenLogProbability {
    top = List.copyOf(top);
  }
}

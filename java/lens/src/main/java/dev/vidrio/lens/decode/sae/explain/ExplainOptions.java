package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.lens.resolve.Preconditions;

/**
 * Options of explanations and their scores.
 *
 * @param shown number of examples that the model explains: half of them the largest activations,
 *     half from all quantiles
 * @param tested number of examples with the feature of each score, from all quantiles; as many
 *     without it are added
 * @param batch examples per request
 * @param seed of the selection
 */
public record ExplainOptions(int shown, int tested, int batch, long seed) {
  /** Twenty shown examples and twenty tested ones. */
  public static final ExplainOptions DEFAULT = new ExplainOptions(20, 20, 5, 0);

  public ExplainOptions {
    Preconditions.requireRange("shown", shown, 1, 1000);
    Preconditions.requireRange("tested", tested, 1, 1000);
    Preconditions.requireRange("batch", batch, 1, 100);
  }

  /** Returns the maximum number of requests for a score of a feature. */
  public int requestsPerScore() {
    return Math.ceilDiv(2 * tested, batch);
  }
}

package dev.vidrio.lens.graph;

import dev.vidrio.lens.resolve.Preconditions;

/**
 * Options of an {@link AttributionGraph}.
 *
 * @param logits maximum number of tokens that are predicted in the graph
 * @param probability stop at the likeliest tokens with this probability together
 * @param features maximum number of features or neurons with attributed inputs, the most
 *     influential ones first
 * @param from first position of features and errors; 1 leaves out the first token, since its
 *     massive activations depend little on the text
 */
public record GraphOptions(int logits, double probability, int features, int from) {
  /** At most 10 tokens with 95 % of the probability, and 2048 features after the first token. */
  public static final GraphOptions DEFAULT = new GraphOptions(10, 0.95, 2048, 1);

  public GraphOptions {
    Preconditions.requireRange("logits", logits, 1, 100);
    Preconditions.requireRange("features", features, 1, 1 << 14);
    Preconditions.requireRange("from", from, 0, Integer.MAX_VALUE);
    boolean valid = probability > 0 && probability <= 1;
    Preconditions.require(valid, "probability", probability, "must be above 0 and at most 1");
  }
}

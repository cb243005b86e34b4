package dev.vidrio.lens.graph;

import java.util.Locale;

/**
 * A node of an {@link AttributionGraph}.
 *
 * @param layer of a feature, neuron or error; −1 for tokens, the number of layers for logits and
 *     metrics
 * @param position of its token in the text
 * @param id of the feature or neuron; the token of an embedding or a logit; −1 for errors and
 *     metrics
 * @param value the activation of a feature or neuron; of a logit, its difference to the mean logit,
 *     both before a bias, a factor and a soft cap; of a metric, the product of its gradient and the
 *     activation before the unembedding; otherwise 0
 * @param probability of a predicted token; 1 for a metric; otherwise 0
 */
public record GraphNode(
    Kind kind, int layer, int position, int id, double value, double probability) {
  /** Kinds of nodes. */
  public enum Kind {
    /** A feature of a transcoder at a token. */
    FEATURE,
    /** A neuron of a feed-forward block at a token. */
    NEURON,
    /**
     * The part of a feed-forward block's output at a token that its transcoder does not explain.
     */
    ERROR,
    /** The embedding of a token. */
    TOKEN,
    /** A predicted token. */
    LOGIT,
    /** A metric of the logits. */
    METRIC;

    /** Returns the name in JSON. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Returns whether the node is a feature of a transcoder or a neuron. */
  public boolean isFeature() {
    return kind == Kind.FEATURE || kind == Kind.NEURON;
  }

  /** Returns whether the node is explained by the graph: a predicted token or a metric. */
  public boolean isTarget() {
    return kind == Kind.LOGIT || kind == Kind.METRIC;
  }

  /**
   * Returns the name: {@code L3.F77@5} for feature 77 of layer 3 at position 5, {@code L3.N77@5}
   * for a neuron, {@code L3.error@5}, {@code embed@5}, {@code logit} or {@code metric}.
   */
  public String name() {
    return switch (kind) {
      case FEATURE -> "L%d.F%d@%d".formatted(layer, id, position);
      case NEURON -> "L%d.N%d@%d".formatted(layer, id, position);
      case ERROR -> "L%d.error@%d".formatted(layer, position);
      case TOKEN -> "embed@" + position;
      case LOGIT -> "logit";
      case METRIC -> "metric";
    };
  }
}

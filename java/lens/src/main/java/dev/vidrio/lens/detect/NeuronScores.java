package dev.vidrio.lens.detect;

/**
 * Scores of a feed-forward neuron, by its weights and over a text.
 *
 * @param layer from 0
 * @param neuron from 0
 * @param norm ‖w_out‖₂ of its output
 * @param logitVariance over the vocabulary, of the cosines of w_out and the rows of W_U: low if it
 *     changes all logits alike
 * @param frequency the correlation, over the vocabulary, of its effect on logits and the
 *     log-frequency of tokens in the text
 * @param active the fraction of tokens at which the input of its activation function is positive
 * @param greatest the maximum input of its activation function
 */
public record NeuronScores(
    int layer,
    int neuron,
    double norm,
    double logitVariance,
    double frequency,
    double active,
    float greatest) {
  /** Returns the name, such as {@code L3.N250}. */
  public String name() {
    return "L" + layer + ".N" + neuron;
  }

  /** Returns whether no token of the text activates it (Voita et al. 2023, arXiv 2309.04827). */
  public boolean dead() {
    return greatest <= 0;
  }

  /**
   * Returns a score that is high for entropy neurons, which have a large norm but hardly change the
   * differences of logits, so that they act through the divisor of the final norm on the confidence
   * of the model (Stolfo et al. 2024, arXiv 2406.16254).
   */
  public double entropy() {
    return norm / Math.sqrt(logitVariance);
  }
}

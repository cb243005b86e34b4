package dev.vidrio.lens.detect;

/**
 * Scores of a feed-forward neuron, by its weights and over a text.
 *
 * @param layer from 0
 * @param neuron from 0
 * @param norm ‖w_out‖₂, of what it adds to the stream
 * @param logitVariance over the vocabulary, of the cosines of its w_out and the rows of W_U: low
 *     where it moves all logits alike
 * @param frequency the correlation, over the vocabulary, of what it adds to logits and the
 *     logarithms of how often tokens occur in the text
 * @param active the fraction of tokens at which its nonlinearity's input is above 0
 * @param greatest the greatest input of its nonlinearity
 */
public record NeuronScores(
    int layer,
    int neuron,
    double norm,
    double logitVariance,
    double frequency,
    double active,
    float greatest) {
  /** Its name, such as {@code L3.N250}. */
  public String name() {
    return "L" + layer + ".N" + neuron;
  }

  /** Whether nothing in the text activates it (Voita et al. 2023, arXiv 2309.04827). */
  public boolean dead() {
    return greatest <= 0;
  }

  /**
   * High in entropy neurons: these have a large norm and yet move no logit more than others, so
   * that they can only work by the divisor of the last norm, on how sure the model is (Stolfo et
   * al. 2024, arXiv 2406.16254).
   */
  public double entropy() {
    return norm / Math.sqrt(logitVariance);
  }
}

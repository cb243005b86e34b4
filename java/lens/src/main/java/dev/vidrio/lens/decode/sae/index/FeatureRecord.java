package dev.vidrio.lens.decode.sae.index;

import java.util.List;

/**
 * Everything that an index has of a feature.
 *
 * @param feature its number
 * @param active number of tokens at which it is active
 * @param density the fraction of all tokens
 * @param mean of its activations above 0; 0 if it is never active
 * @param max the largest activation
 * @param histogram of its activations above 0
 * @param top the largest activations in descending order, at most one of each text
 * @param quantiles groups of a random sample of the active tokens, from the lowest activations to
 *     the highest
 * @param inactive indices of windows of {@link IndexHeader#background} in which it is not active
 * @param promoted tokens with the logits that its output raises most, in descending order
 * @param suppressed tokens with the logits that it lowers most, the lowest first
 */
public record FeatureRecord(
    int feature,
    long active,
    double density,
    double mean,
    float max,
    Histogram histogram,
    List<FeatureExample> top,
    List<Quantile> quantiles,
    List<Integer> inactive,
    List<TokenEffect> promoted,
    List<TokenEffect> suppressed) {
  /**
   * A group of examples with similar activations.
   *
   * @param from the lowest activation
   * @param to the highest activation
   * @param examples in descending order of activation
   */
  public record Quantile(float from, float to, List<FeatureExample> examples) {
    public Quantile {
      examples = List.copyOf(examples);
    }
  }

  /**
   * A token and the effect of the feature's output on its logit, with the output scaled to the root
   * mean square 1.
   */
  public record TokenEffect(int id, String piece, double value) {}

  public FeatureRecord {
    top = List.copyOf(top);
    quantiles = List.copyOf(quantiles);
    inactive = List.copyOf(inactive);
    promoted = List.copyOf(promoted);
    suppressed = List.copyOf(suppressed);
  }
}

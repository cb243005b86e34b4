package dev.vidrio.lens.detect;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Statistics of a feed-forward neuron's activation over a corpus, without the first token of each
 * text. Moments are of the activation that is multiplied by w_out ({@code mlp.hook_post}); a neuron
 * counts as active where the input of its activation function ({@code mlp.hook_pre}) is positive.
 *
 * @param layer from 0
 * @param neuron from 0
 * @param mean of the activation
 * @param deviation its standard deviation
 * @param skewness its third standardized moment; NaN if the activation is constant
 * @param kurtosis its fourth standardized moment, 3 for a normal distribution; high for a neuron
 *     that is rarely far from its mean. NaN if the activation is constant
 * @param active the fraction of tokens at which it is active
 * @param position the mutual information, in bits, of being active and the position in the text
 *     (position neurons, Voita et al. 2023, arXiv 2309.04827). The expectation for a neuron that
 *     ignores positions is about {@code (bins − 1) / (2 tokens ln 2)}.
 * @param top the largest activations, in descending order
 * @see CorpusStatistics
 */
public record NeuronStatistics(
    int layer,
    int neuron,
    double mean,
    double deviation,
    double skewness,
    double kurtosis,
    double active,
    double position,
    List<Context> top) {
  /**
   * A token at which the neuron has a large activation.
   *
   * @param text index of the text
   * @param position in the text, at least 1
   * @param token the token at the position
   * @param previous the token before it
   */
  public record Context(int text, int position, int token, int previous, float value) {}

  private record Bigram(int previous, int token) {}

  public NeuronStatistics {
    top = List.copyOf(top);
  }

  /** Returns the name, such as {@code L3.N250}. */
  public String name() {
    return "L" + layer + ".N" + neuron;
  }

  /** Returns the most frequent token of the top contexts; the first of them among equals. */
  public int token() {
    return most(Context::token).getKey();
  }

  /**
   * Returns the fraction of the top contexts that have the most frequent token: near 1 for token
   * detectors.
   */
  public double tokenPurity() {
    return most(Context::token).getValue() / (double) top.size();
  }

  /** Returns the token before {@link #token} in the most frequent bigram of the top contexts. */
  public int previous() {
    return most(NeuronStatistics::bigram).getKey().previous;
  }

  /**
   * Returns the fraction of the top contexts that end with the most frequent bigram: near 1 for
   * detectors of bigrams and of longer sequences.
   */
  public double bigramPurity() {
    return most(NeuronStatistics::bigram).getValue() / (double) top.size();
  }

  private static Bigram bigram(Context context) {
    return new Bigram(context.previous, context.token);
  }

  private <T> Map.Entry<T, Long> most(Function<Context, T> key) {
    Map<T, Long> counts = top.stream().collect(Collectors.groupingBy(key, Collectors.counting()));
    return top.stream()
        .map(key)
        .map(k -> Map.entry(k, counts.getOrDefault(k, 0L)))
        .reduce((a, b) -> b.getValue() > a.getValue() ? b : a)
        .orElseThrow();
  }
}

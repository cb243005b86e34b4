package dev.vidrio.lens.decode.sae.index;

import dev.vidrio.lens.resolve.Preconditions;

/**
 * Options of an index.
 *
 * @param top number of largest activations of each feature
 * @param quantiles number of groups of the random sample
 * @param examples of each group
 * @param around number of context tokens before and after a token
 * @param effects number of promoted tokens, and of suppressed ones
 * @param background number of random windows of the corpus, from which those without a feature are
 *     selected
 * @param seed of the random sample
 */
public record IndexOptions(
    int top, int quantiles, int examples, int around, int effects, int background, long seed) {
  /** Twenty largest activations, and ten examples of each of five quantiles. */
  public static final IndexOptions DEFAULT = new IndexOptions(20, 5, 10, 16, 10, 256, 0);

  public IndexOptions {
    Preconditions.requireRange("top", top, 1, 1000);
    Preconditions.requireRange("quantiles", quantiles, 1, 100);
    Preconditions.requireRange("examples", examples, 1, 1000);
    Preconditions.requireRange("around", around, 0, 256);
    Preconditions.requireRange("effects", effects, 1, 1000);
    Preconditions.requireRange("background", background, 1, 100_000);
  }

  /** Returns the size of the random sample of a feature. */
  int sample() {
    return quantiles * examples;
  }
}

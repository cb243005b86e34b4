package dev.vidrio.lens.decode.sae.explain;

import org.jspecify.annotations.Nullable;

/**
 * The counts of a yes-or-no classification, and its measures as in delphi (Paulo et al. 2024, arXiv
 * 2410.13928).
 *
 * @param truePositives examples of the feature that the model classified as such
 * @param trueNegatives other examples that it did not
 * @param falsePositives other examples that it classified as of the feature
 * @param falseNegatives examples of the feature that it missed
 * @param failed examples in requests with a malformed answer, which count in no measure
 * @param area the area under the receiver operating characteristic: the probability that the model
 *     finds "yes" more likely for an example of the feature than for another one; ties count half.
 *     Null if the model does not report probabilities, or all examples are of one kind
 */
public record ClassificationScore(
    int truePositives,
    int trueNegatives,
    int falsePositives,
    int falseNegatives,
    int failed,
    @Nullable Double area) {
  /** The score of no examples. */
  public static final ClassificationScore NONE = new ClassificationScore(0, 0, 0, 0, 0);

  /** Creates a score without an area. */
  public ClassificationScore(
      int truePositives, int trueNegatives, int falsePositives, int falseNegatives, int failed) {
    this(truePositives, trueNegatives, falsePositives, falseNegatives, failed, null);
  }

  /**
   * Checks the counts.
   *
   * @throws IllegalArgumentException if one is negative
   */
  public ClassificationScore {
    if (truePositives < 0
        || trueNegatives < 0
        || falsePositives < 0
        || falseNegatives < 0
        || failed < 0) {
      throw new IllegalArgumentException("counts must not be negative");
    }
  }

  /** Returns the sum of the counts of two scores, without an area. */
  public ClassificationScore plus(ClassificationScore other) {
    return new ClassificationScore(
        truePositives + other.truePositives,
        trueNegatives + other.trueNegatives,
        falsePositives + other.falsePositives,
        falseNegatives + other.falseNegatives,
        failed + other.failed);
  }

  /** Returns the score with one more classified example. */
  ClassificationScore with(boolean truth, boolean answer) {
    return plus(
        new ClassificationScore(
            truth && answer ? 1 : 0,
            !truth && !answer ? 1 : 0,
            !truth && answer ? 1 : 0,
            truth && !answer ? 1 : 0,
            0));
  }

  /** Returns the score with more examples that were not classified. */
  ClassificationScore withFailed(int count) {
    return plus(new ClassificationScore(0, 0, 0, 0, count));
  }

  /** Returns the score with an area, or none. */
  ClassificationScore withArea(@Nullable Double other) {
    return new ClassificationScore(
        truePositives, trueNegatives, falsePositives, falseNegatives, failed, other);
  }

  /** Returns the number of classified examples. */
  public int classified() {
    return truePositives + trueNegatives + falsePositives + falseNegatives;
  }

  /**
   * Returns the balanced accuracy: the mean of the fractions of examples with and without the
   * feature that are right. 0.5 is chance; a fraction of no examples is 0.
   */
  public double accuracy() {
    return (recall() + ratio(trueNegatives, trueNegatives + falsePositives)) / 2;
  }

  /** Returns the fraction of positive answers that are right. */
  public double precision() {
    return ratio(truePositives, truePositives + falsePositives);
  }

  /** Returns the fraction of examples of the feature that are found. */
  public double recall() {
    return ratio(truePositives, truePositives + falseNegatives);
  }

  /** Returns the harmonic mean of precision and recall. */
  public double f1() {
    double sum = precision() + recall();
    return sum > 0 ? 2 * precision() * recall() / sum : 0;
  }

  private static double ratio(int part, int all) {
    return all == 0 ? 0 : part / (double) all;
  }
}

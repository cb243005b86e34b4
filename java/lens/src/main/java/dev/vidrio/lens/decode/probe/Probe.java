package dev.vidrio.lens.decode.probe;

/**
 * A classifier of activations, fitted to {@link Examples} (Belinkov 2022, arXiv 2102.12452): does
 * the activation represent a property, in a form that this kind of classifier can read?
 *
 * <p>Immutable.
 *
 * @see LinearProbe
 * @see SparseProbe
 * @see MlpProbe
 * @see "docs/lens/probing.md"
 */
public sealed interface Probe permits LinearProbe, SparseProbe, MlpProbe {
  /** Fits a probe of some kind. */
  @FunctionalInterface
  interface Trainer {
    /** Returns the probe of these examples. */
    Probe fit(Examples examples);
  }

  /** Returns the number of classes. */
  int classes();

  /**
   * Returns the score of each class, [C]: its log-probability plus a constant, except for {@link
   * LinearProbe#ridge}.
   *
   * @param x [d]
   */
  double[] scores(float[] x);

  /** Returns the predicted class of an activation; the first one of a tie. */
  default int classify(float[] x) {
    double[] scores = scores(x);
    int best = 0;
    double greatest = Double.NEGATIVE_INFINITY;
    for (int c = 0; c < scores.length; c++) {
      if (scores[c] > greatest) {
        greatest = scores[c];
        best = c;
      }
    }
    return best;
  }

  /** Returns the fraction of examples that are classified correctly. */
  default double accuracy(Examples examples) {
    int right = 0;
    for (int i = 0; i < examples.size(); i++) {
      right += classify(examples.row(i)) == examples.label(i) ? 1 : 0;
    }
    return right / (double) examples.size();
  }

  /** Returns the log-probability of a class, in nats. */
  default double logProbability(float[] x, int c) {
    double[] scores = scores(x);
    double greatest = Double.NEGATIVE_INFINITY;
    for (double score : scores) {
      greatest = Math.max(greatest, score);
    }
    double sum = 0;
    for (double score : scores) {
      sum += Math.exp(score - greatest);
    }
    return scores[c] - greatest - Math.log(sum);
  }

  /** Returns the mean of −log₂ p over the examples' classes, in bits. */
  default double crossEntropy(Examples examples) {
    double sum = 0;
    for (int i = 0; i < examples.size(); i++) {
      sum -= logProbability(examples.row(i), examples.label(i));
    }
    return sum / examples.size() / Math.log(2);
  }
}

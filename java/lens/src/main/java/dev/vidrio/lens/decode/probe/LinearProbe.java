package dev.vidrio.lens.decode.probe;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.numeric.Cholesky;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;

/**
 * A linear classifier of activations (Alain and Bengio 2017, arXiv 1610.01644; Belinkov 2022): the
 * class c with the largest {@code ⟨w_c, x⟩ + b_c}. High accuracy shows that the activation
 * represents the class linearly, not that later layers use it; {@link ControlTask} measures how
 * much the probe memorized.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="probe"}
 *
 * <p>Immutable.
 *
 * @see Examples
 * @see "docs/lens/decoding.md"
 */
public final class LinearProbe implements Probe {
  private final double[][] weights;
  private final double[] biases;

  /**
   * Creates a probe.
   *
   * @param weights [C][d]
   * @param biases [C]
   */
  LinearProbe(double[][] weights, double[] biases) {
    this.weights = weights;
    this.biases = biases;
  }

  /** The method by which a probe is fitted. */
  public enum Kind {
    /** Uses {@link #logistic}. */
    LOGISTIC,
    /** Uses {@link #ridge}. */
    RIDGE
  }

  /** Fits a probe of a kind. */
  public static LinearProbe fit(Kind kind, Executor executor, Examples examples, double l2) {
    return kind == Kind.LOGISTIC ? logistic(executor, examples, l2) : ridge(examples, l2);
  }

  /**
   * Fits logistic regression with one vector per class: the minimum of {@code −Σᵢ log p(yᵢ | xᵢ) +
   * l2/2 ‖W‖²}, without a penalty on biases.
   *
   * @param l2 above 0
   */
  public static LinearProbe logistic(Executor executor, Examples examples, double l2) {
    requirePenalty(l2);
    return LogisticRegression.fit(executor, examples, l2);
  }

  /**
   * Fits ridge regression (Hoerl and Kennard 1970) of +1 for the class and −1 for all others: the
   * minimum of {@code Σᵢ ‖W xᵢ + b − yᵢ‖² + l2 ‖W‖²}, without a penalty on biases.
   *
   * <p>Solves the normal equations: {@code (XᵀX + l2 I) w = Xᵀy} for centered X and y.
   *
   * @param l2 above 0
   */
  public static LinearProbe ridge(Examples examples, double l2) {
    requirePenalty(l2);
    CenteredRows centered = CenteredRows.of(examples.rows());
    int d = examples.width();
    int classes = examples.classes();
    double[][] gram = centered.gram();
    for (int j = 0; j < d; j++) {
      gram[j][j] += l2;
    }
    var cholesky = new Cholesky(gram);
    var weights = new double[classes][];
    var biases = new double[classes];
    for (int c = 0; c < classes; c++) {
      double mean = 0;
      var right = new double[d];
      for (int i = 0; i < examples.size(); i++) {
        double y = examples.label(i) == c ? 1 : -1;
        mean += y / examples.size();
        for (int j = 0; j < d; j++) {
          right[j] += y * centered.rows()[i][j];
        }
      }
      weights[c] = cholesky.solve(right);
      biases[c] = mean - DoubleVectors.dot(weights[c], centered.mean());
    }
    return new LinearProbe(weights, biases);
  }

  static void requirePenalty(double l2) {
    Preconditions.require(l2 > 0 && !Double.isInfinite(l2), "l2", l2, "must be above 0 and finite");
  }

  @Override
  public int classes() {
    return biases.length;
  }

  /** Returns the direction of a class, [d]. */
  public double[] weights(int c) {
    return weights[c].clone();
  }

  /** Returns the direction of a class in f32, for interventions. */
  public float[] direction(int c) {
    return DoubleVectors.floats(weights[c]);
  }

  /** Returns the bias of a class. */
  public double bias(int c) {
    return biases[c];
  }

  @Override
  public double[] scores(float[] x) {
    var scores = new double[biases.length];
    for (int c = 0; c < biases.length; c++) {
      double score = biases[c];
      for (int j = 0; j < x.length; j++) {
        score += weights[c][j] * x[j];
      }
      scores[c] = score;
    }
    return scores;
  }
}

package dev.vidrio.lens.decode.probe;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.vector.DoubleVectors;

/**
 * A linear classifier of activations (Alain and Bengio 2017, arXiv 1610.01644; Belinkov 2022): the
 * class c with the greatest {@code ⟨w_c, x⟩ + b_c}. If it does well, the activation holds the class
 * in a form that later layers can read. Whether they do is another question; {@link ControlTask}
 * shows how much the probe merely memorized.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="probe"}
 */
public final class LinearProbe {
  private final double[][] weights;
  private final double[] biases;

  /**
   * @param weights [C][d]
   * @param biases [C]
   */
  LinearProbe(double[][] weights, double[] biases) {
    this.weights = weights;
    this.biases = biases;
  }

  /** How a probe is fitted. */
  public enum Kind {
    /** {@link #logistic}. */
    LOGISTIC,
    /** {@link #ridge}. */
    RIDGE
  }

  /** Fits a probe of a kind. */
  public static LinearProbe fit(Kind kind, Executor executor, Examples examples, double l2) {
    return kind == Kind.LOGISTIC ? logistic(executor, examples, l2) : ridge(examples, l2);
  }

  /**
   * Logistic regression with one vector per class: the minimum of {@code −Σᵢ log p(yᵢ | xᵢ) + l2/2
   * ‖W‖²}, biases free.
   *
   * @param l2 above 0
   */
  public static LinearProbe logistic(Executor executor, Examples examples, double l2) {
    requirePenalty(l2);
    return LogisticRegression.fit(executor, examples, l2);
  }

  /**
   * Ridge regression of +1 for the class and −1 for all others: the minimum of {@code Σᵢ ‖W xᵢ + b
   * − yᵢ‖² + l2 ‖W‖²}, biases free.
   *
   * @param l2 above 0
   */
  public static LinearProbe ridge(Examples examples, double l2) {
    requirePenalty(l2);
    return RidgeRegression.fit(examples, l2);
  }

  private static void requirePenalty(double l2) {
    if (!(l2 > 0) || Double.isInfinite(l2)) {
      throw new InvalidInputException("l2", Double.toString(l2), "must be above 0 and finite");
    }
  }

  /** Number of classes. */
  public int classes() {
    return biases.length;
  }

  /** The direction of a class, [d]. */
  public double[] weights(int c) {
    return weights[c].clone();
  }

  /** The same in f32, as edits take it. */
  public float[] direction(int c) {
    return DoubleVectors.floats(weights[c]);
  }

  /** The bias of a class. */
  public double bias(int c) {
    return biases[c];
  }

  /** The class that an activation is taken for; of equal ones the first. */
  public int classify(float[] x) {
    int best = 0;
    double greatest = Double.NEGATIVE_INFINITY;
    for (int c = 0; c < biases.length; c++) {
      double score = biases[c];
      for (int j = 0; j < x.length; j++) {
        score += weights[c][j] * x[j];
      }
      if (score > greatest) {
        greatest = score;
        best = c;
      }
    }
    return best;
  }

  /** The share of examples that it takes for what they are. */
  public double accuracy(Examples examples) {
    int right = 0;
    for (int i = 0; i < examples.size(); i++) {
      right += classify(examples.row(i)) == examples.label(i) ? 1 : 0;
    }
    return right / (double) examples.size();
  }
}

package dev.vidrio.lens.decode.probe;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.numeric.Lbfgs;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.DoubleVectors;
import java.util.Arrays;

/**
 * Multinomial logistic regression by L-BFGS: a convex problem, so that any method that converges
 * finds the same solution. Both products of a step, with X and with its transpose, run on the
 * executor. X is centered, which changes only the biases but decouples them from the weights.
 * Weights are scaled so that the loss has a similar curvature along each, regardless of the scale
 * of the dimensions of X.
 */
final class LogisticRegression implements Lbfgs.Objective {
  private final Examples examples;
  private final double[] penalties;
  private final double biasUnit;
  private final int d;
  private final MatrixProduct scores;
  private final MatrixProduct gradients;
  private final float[][] weights;
  private final float[][] residuals;

  private LogisticRegression(
      Examples examples, double[] penalties, MatrixProduct scores, MatrixProduct gradients) {
    this.examples = examples;
    this.penalties = penalties;
    this.biasUnit = 2 / Math.sqrt(examples.size());
    this.d = examples.width();
    this.scores = scores;
    this.gradients = gradients;
    this.weights = new float[examples.classes()][d];
    this.residuals = new float[examples.classes()][examples.size()];
  }

  static LinearProbe fit(Executor executor, Examples examples, double l2) {
    int classes = examples.classes();
    int d = examples.width();
    CenteredRows plain = CenteredRows.of(examples.rows());
    // p (1 − p) is at most ¼.
    double[] units =
        Arrays.stream(plain.squares()).map(sum -> 1 / Math.sqrt(sum / 4 + l2)).toArray();
    double[] penalties = Arrays.stream(units).map(unit -> l2 * unit * unit).toArray();
    CenteredRows centered = plain.scaled(units);
    try (var scores = MatrixProduct.of(executor, centered.rows(), classes);
        var gradients =
            MatrixProduct.of(executor, MatrixProduct.transposed(centered.rows()), classes)) {
      var objective = new LogisticRegression(examples, penalties, scores, gradients);
      double[] found = Lbfgs.minimize(objective, new double[classes * (d + 1)]);
      var weights = new double[classes][];
      double[] biases = Arrays.copyOfRange(found, classes * d, found.length);
      for (int c = 0; c < classes; c++) {
        weights[c] = Arrays.copyOfRange(found, c * d, (c + 1) * d);
        for (int j = 0; j < d; j++) {
          weights[c][j] *= units[j];
        }
        biases[c] *= objective.biasUnit;
        biases[c] -= DoubleVectors.dot(weights[c], centered.mean());
      }
      return new LinearProbe(weights, biases);
    }
  }

  /** Computes the loss of parameters: [C][d] weights, then [C] biases. */
  @Override
  public double at(double[] parameters, double[] gradient) {
    int classes = examples.classes();
    for (int c = 0; c < classes; c++) {
      for (int j = 0; j < d; j++) {
        weights[c][j] = (float) parameters[c * d + j];
      }
    }
    float[][] products = scores.of(weights);
    double loss = 0;
    var biasGradient = new double[classes];
    for (int i = 0; i < examples.size(); i++) {
      loss += example(i, products, parameters, biasGradient);
    }
    float[][] sums = gradients.of(residuals);
    for (int c = 0; c < classes; c++) {
      for (int j = 0; j < d; j++) {
        double w = parameters[c * d + j];
        gradient[c * d + j] = sums[c][j] + penalties[j] * w;
        loss += penalties[j] / 2 * w * w;
      }
      gradient[classes * d + c] = biasUnit * biasGradient[c];
    }
    return loss;
  }

  /**
   * Returns the loss of an example; its residuals p − y are written to the columns of the products.
   */
  private double example(int i, float[][] products, double[] parameters, double[] biasGradient) {
    int classes = examples.classes();
    var score = new double[classes];
    double greatest = Double.NEGATIVE_INFINITY;
    for (int c = 0; c < classes; c++) {
      score[c] = products[c][i] + biasUnit * parameters[classes * d + c];
      greatest = Math.max(greatest, score[c]);
    }
    double sum = 0;
    for (double s : score) {
      sum += Math.exp(s - greatest);
    }
    double logSum = greatest + Math.log(sum);
    for (int c = 0; c < classes; c++) {
      double residual = Math.exp(score[c] - logSum) - (c == examples.label(i) ? 1 : 0);
      residuals[c][i] = (float) residual;
      biasGradient[c] += residual;
    }
    return logSum - score[examples.label(i)];
  }
}

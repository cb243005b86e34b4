package dev.vidrio.lens.decode.probe;

import dev.vidrio.lens.numeric.Cholesky;
import dev.vidrio.lens.vector.DoubleVectors;

/**
 * Ridge regression (Hoerl and Kennard 1970) by its normal equations: {@code (XᵀX + l2 I) w = Xᵀy}
 * for centered X and y.
 */
final class RidgeRegression {
  private RidgeRegression() {}

  static LinearProbe fit(Examples examples, double l2) {
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
}

package dev.vidrio.lens.decode;

import dev.vidrio.kernel.Executor;

/** Rows less their mean. */
final class Centred {
  private final float[][] rows;
  private final double[] mean;

  private Centred(float[][] rows, double[] mean) {
    this.rows = rows;
    this.mean = mean;
  }

  static Centred of(float[][] rows) {
    int d = rows[0].length;
    var mean = new double[d];
    for (float[] row : rows) {
      for (int j = 0; j < d; j++) {
        mean[j] += row[j];
      }
    }
    for (int j = 0; j < d; j++) {
      mean[j] /= rows.length;
    }
    var centred = new float[rows.length][d];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < d; j++) {
        centred[i][j] = (float) (rows[i][j] - mean[j]);
      }
    }
    return new Centred(centred, mean);
  }

  /** [n][d]. */
  float[][] rows() {
    return rows;
  }

  /** [d]. */
  double[] mean() {
    return mean;
  }

  /** The rows in double. */
  double[][] doubles() {
    var doubles = new double[rows.length][mean.length];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < mean.length; j++) {
        doubles[i][j] = rows[i][j];
      }
    }
    return doubles;
  }

  /** The transpose, [d][n]. */
  float[][] columns() {
    return MatrixProduct.transposed(rows);
  }

  /** XᵀX, [d][d]. */
  double[][] gram(Executor executor) {
    float[][] columns = columns();
    int d = columns.length;
    var gram = new double[d][d];
    try (var product = MatrixProduct.of(executor, columns, d)) {
      float[][] products = product.of(columns);
      for (int i = 0; i < d; i++) {
        for (int j = 0; j < d; j++) {
          // Equal but for rounding; what is derived from it takes it for symmetric.
          gram[i][j] = (products[i][j] + (double) products[j][i]) / 2;
        }
      }
    }
    return gram;
  }
}

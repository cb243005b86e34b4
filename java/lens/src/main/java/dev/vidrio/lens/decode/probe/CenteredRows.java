package dev.vidrio.lens.decode.probe;

import dev.vidrio.lens.vector.DoubleVectors;
import java.util.stream.IntStream;

/** Rows minus their mean, with optional column scales. */
final class CenteredRows {
  private final float[][] rows;
  private final double[] mean;

  private CenteredRows(float[][] rows, double[] mean) {
    this.rows = rows;
    this.mean = mean;
  }

  static CenteredRows of(float[][] rows) {
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
    var centered = new float[rows.length][d];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < d; j++) {
        centered[i][j] = (float) (rows[i][j] - mean[j]);
      }
    }
    return new CenteredRows(centered, mean);
  }

  /**
   * Returns rows with each column multiplied by a factor. Columns of similar length keep massive
   * activations, thousands of times larger than the rest, from dominating.
   */
  CenteredRows scaled(double[] factors) {
    var scaled = new float[rows.length][factors.length];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < factors.length; j++) {
        scaled[i][j] = (float) (rows[i][j] * factors[j]);
      }
    }
    return new CenteredRows(scaled, mean);
  }

  /** Returns the rows, [n][d]. */
  float[][] rows() {
    return rows;
  }

  /** Returns the subtracted mean, before any factor, [d]. */
  double[] mean() {
    return mean;
  }

  /** Returns Σ x² of each column, [d]. */
  double[] squares() {
    var squares = new double[mean.length];
    for (float[] row : rows) {
      for (int j = 0; j < squares.length; j++) {
        squares[j] += (double) row[j] * row[j];
      }
    }
    return squares;
  }

  /** Returns the rows in double. */
  double[][] doubles() {
    return DoubleVectors.doubles(rows);
  }

  /**
   * Returns XᵀX, [d][d]: in double, since its smallest eigenvalues matter as much as the largest.
   */
  double[][] gram() {
    double[][] x = doubles();
    var gram = new double[mean.length][mean.length];
    IntStream.range(0, gram.length)
        .parallel()
        .forEach(
            i -> {
              for (double[] row : x) {
                DoubleVectors.add(gram[i], row[i], row);
              }
            });
    return gram;
  }
}

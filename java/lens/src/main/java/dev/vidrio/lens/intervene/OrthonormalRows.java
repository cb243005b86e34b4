package dev.vidrio.lens.intervene;

import static dev.vidrio.lens.vector.DoubleVectors.add;
import static dev.vidrio.lens.vector.DoubleVectors.dot;

import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.stream.IntStream;

/**
 * Orthonormal rows R, [k][d], that are trained: each step of Adam is followed by Gram-Schmidt,
 * which keeps the spans of the first rows.
 */
final class OrthonormalRows {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.99;
  private static final double EPSILON = 1e-8;

  /** Number of rows from which they are orthonormalized in parallel. */
  private static final int MANY = 64;

  private final double[][] rows;
  private final double[][] first;
  private final double[][] second;
  private int steps;

  private OrthonormalRows(double[][] rows, int d) {
    this.rows = rows;
    this.first = new double[rows.length][d];
    this.second = new double[rows.length][d];
  }

  /** Returns k random rows of d elements. */
  static OrthonormalRows random(int k, int d, long seed) {
    var random = new SplitMix64(seed);
    var rows = new double[k][d];
    for (double[] row : rows) {
      for (int j = 0; j < d; j++) {
        row[j] = random.nextDouble() + random.nextDouble() - 1;
      }
    }
    orthonormalize(rows);
    return new OrthonormalRows(rows, d);
  }

  /** Orthonormalizes by Gram-Schmidt, twice, since one pass is inexact. */
  private static void orthonormalize(double[][] rows) {
    for (int pass = 0; pass < 2; pass++) {
      for (int r = 0; r < rows.length; r++) {
        double[] row = rows[r];
        DoubleVectors.scale(row, 1 / DoubleVectors.norm(row));
        IntStream later = IntStream.range(r + 1, rows.length);
        (rows.length < MANY ? later : later.parallel())
            .forEach(s -> add(rows[s], -dot(rows[s], row), row));
      }
    }
  }

  /** Returns k. */
  int count() {
    return rows.length;
  }

  /** Returns all rows, which later steps change, [k][d]. */
  double[][] all() {
    return rows;
  }

  /** Returns a row, which later steps change, [d]. */
  double[] row(int r) {
    return rows[r];
  }

  /** Returns the first rows, one after the other, [n · d]. */
  float[] basis(int n) {
    int d = n == 0 ? 0 : rows[0].length;
    var basis = new float[n * d];
    for (int r = 0; r < n; r++) {
      for (int j = 0; j < d; j++) {
        basis[r * d + j] = (float) rows[r][j];
      }
    }
    return basis;
  }

  /**
   * Takes a step along a gradient.
   *
   * @param gradient of what is to increase, [k][d]
   * @param rate relative to the elements of rows of length 1
   */
  void ascend(double[][] gradient, double rate) {
    steps++;
    double scale1 = 1 / (1 - Math.pow(BETA1, steps));
    double scale2 = 1 / (1 - Math.pow(BETA2, steps));
    for (int r = 0; r < rows.length; r++) {
      // The size of the elements of rows of length 1.
      double size = 1 / Math.sqrt(gradient[r].length);
      for (int j = 0; j < gradient[r].length; j++) {
        first[r][j] = BETA1 * first[r][j] + (1 - BETA1) * gradient[r][j];
        second[r][j] = BETA2 * second[r][j] + (1 - BETA2) * gradient[r][j] * gradient[r][j];
        rows[r][j] +=
            rate * size * first[r][j] * scale1 / (Math.sqrt(second[r][j] * scale2) + EPSILON);
      }
    }
    orthonormalize(rows);
  }
}

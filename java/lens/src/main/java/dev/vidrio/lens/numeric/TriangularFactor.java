package dev.vidrio.lens.numeric;

import static dev.vidrio.lens.vector.DoubleVectors.add;
import static dev.vidrio.lens.vector.DoubleVectors.dot;
import static dev.vidrio.lens.vector.DoubleVectors.norm;
import static dev.vidrio.lens.vector.DoubleVectors.scale;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The factor R of a decomposition {@code M = Q R} with orthonormal columns of Q, by modified
 * Gram–Schmidt with column pivoting. R is as exact as that of Householder reflections (Björck
 * 1967). R replaces M where only products MᵀM matter: {@code ‖M X‖ = ‖R X‖}, and M and R have the
 * same singular values and right singular vectors.
 */
public final class TriangularFactor {
  private TriangularFactor() {}

  /**
   * Returns R, [n][n], with columns in the order of M's. Rows after the rank of M are 0.
   *
   * @param columns the columns of M, [n][m], with any m
   */
  public static double[][] of(double[][] columns) {
    int n = columns.length;
    double[][] rest = Arrays.stream(columns).map(double[]::clone).toArray(double[][]::new);
    int[] order = IntStream.range(0, n).toArray();
    double[] norms = Arrays.stream(rest).mapToDouble(x -> norm(x)).toArray();
    var r = new double[n][n];
    for (int k = 0; k < n; k++) {
      pivot(order, norms, k);
      double[] unit = rest[order[k]];
      double length = norms[order[k]];
      if (length == 0) {
        break;
      }
      scale(unit, 1 / length);
      double[] row = r[k];
      row[order[k]] = length;
      IntStream.range(k + 1, n)
          .parallel()
          .map(i -> order[i])
          .forEach(
              j -> {
                row[j] = dot(unit, rest[j]);
                add(rest[j], -row[j], unit);
                norms[j] = norm(rest[j]);
              });
    }
    return r;
  }

  /** Moves the longest of the remaining columns to position k. */
  private static void pivot(int[] order, double[] norms, int k) {
    int longest = k;
    for (int i = k + 1; i < order.length; i++) {
      if (norms[order[i]] > norms[order[longest]]) {
        longest = i;
      }
    }
    int column = order[longest];
    order[longest] = order[k];
    order[k] = column;
  }
}

package dev.vidrio.lens.numeric;

import static dev.vidrio.lens.vector.DoubleVectors.dot;

import dev.vidrio.lens.vector.DoubleVectors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * The singular value decomposition {@code A = U S Vᵀ} by one-sided Jacobi rotations (Hestenes 1958;
 * Demmel and Veselić 1992, doi:10.1137/0613074): pairs of rows are rotated until all are
 * orthogonal. The pairs of a round are disjoint and rotated in parallel. For a symmetric positive
 * semidefinite matrix it is the eigendecomposition.
 */
public final class SingularVectors {
  private static final int SWEEPS = 60;
  private static final double ORTHOGONAL = 1e-13;

  /** Relative to the sum of all squares: a smaller row is rounding error and is not rotated. */
  private static final double NEGLIGIBLE = 1e-30;

  private final double[][] rows;
  private final double[][] left;
  private final double[] values;

  private SingularVectors(double[][] rows, double[][] left, double[] values) {
    this.rows = rows;
    this.left = left;
    this.values = values;
  }

  /**
   * Decomposes a matrix.
   *
   * @param matrix [m][n]
   */
  public static SingularVectors of(double[][] matrix) {
    int m = matrix.length;
    double[][] rows = Arrays.stream(matrix).map(double[]::clone).toArray(double[][]::new);
    var turned = new double[m][m];
    for (int i = 0; i < m; i++) {
      turned[i][i] = 1;
    }
    double negligible = NEGLIGIBLE * Arrays.stream(rows).mapToDouble(r -> dot(r, r)).sum();
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
      if (sweep(rows, turned, negligible) <= ORTHOGONAL) {
        break;
      }
    }
    double[] norms = Arrays.stream(rows).mapToDouble(DoubleVectors::norm).toArray();
    int[] order =
        IntStream.range(0, m)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> -norms[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    return new SingularVectors(
        Arrays.stream(order).mapToObj(i -> unit(rows[i], norms[i])).toArray(double[][]::new),
        Arrays.stream(order).mapToObj(i -> turned[i]).toArray(double[][]::new),
        Arrays.stream(order).mapToDouble(i -> norms[i]).toArray());
  }

  /**
   * Rotates all pairs once, by a round-robin schedule; returns the maximum cosine before the
   * rotations.
   */
  private static double sweep(double[][] rows, double[][] turned, double negligible) {
    int m = rows.length;
    int players = m + m % 2;
    double greatest = 0;
    for (int round = 0; round < players - 1; round++) {
      int shift = round;
      greatest =
          Math.max(
              greatest,
              IntStream.range(0, players / 2)
                  .parallel()
                  .mapToDouble(
                      i -> {
                        int p = seat(i, shift, players);
                        int q = seat(players - 1 - i, shift, players);
                        return p < m && q < m ? turn(rows, turned, p, q, negligible) : 0;
                      })
                  .max()
                  .orElse(0));
    }
    return greatest;
  }

  /** Returns the row at a position of a round: the first row is fixed, all others move by one. */
  private static int seat(int i, int round, int players) {
    return i == 0 ? 0 : 1 + (i - 1 + round) % (players - 1);
  }

  /** Makes two rows orthogonal; returns their cosine before. */
  private static double turn(double[][] rows, double[][] turned, int p, int q, double negligible) {
    double pp = dot(rows[p], rows[p]);
    double qq = dot(rows[q], rows[q]);
    double pq = dot(rows[p], rows[q]);
    double cosine = Math.abs(pq) / Math.sqrt(pp * qq);
    if (!(cosine > ORTHOGONAL) || Math.min(pp, qq) < negligible) {
      return 0;
    }
    double zeta = (qq - pp) / (2 * pq);
    double tangent = Math.copySign(1, zeta) / (Math.abs(zeta) + Math.hypot(1, zeta));
    double c = 1 / Math.hypot(1, tangent);
    double s = c * tangent;
    rotate(rows[p], rows[q], c, s);
    rotate(turned[p], turned[q], c, s);
    return cosine;
  }

  private static void rotate(double[] a, double[] b, double c, double s) {
    for (int i = 0; i < a.length; i++) {
      double x = a[i];
      a[i] = c * x - s * b[i];
      b[i] = s * x + c * b[i];
    }
  }

  private static double[] unit(double[] row, double norm) {
    return norm == 0 ? row : Arrays.stream(row).map(x -> x / norm).toArray();
  }

  /** Returns S, descending, [m]. */
  public double[] values() {
    return values;
  }

  /** Returns row i of Vᵀ, [n]; zeros if the singular value is 0. */
  public double[] right(int i) {
    return rows[i];
  }

  /** Returns column i of U, [m]. */
  public double[] left(int i) {
    return left[i];
  }
}

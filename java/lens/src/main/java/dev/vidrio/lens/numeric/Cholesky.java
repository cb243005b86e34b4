package dev.vidrio.lens.numeric;

/** The factor L of a symmetric positive definite matrix {@code A = L Lᵀ}. */
public final class Cholesky {
  private final double[][] factor;

  /**
   * Factorizes a matrix.
   *
   * @param matrix [n][n]
   * @throws ArithmeticException if it is not positive definite
   */
  public Cholesky(double[][] matrix) {
    int n = matrix.length;
    this.factor = new double[n][];
    for (int i = 0; i < n; i++) {
      factor[i] = new double[i + 1];
      for (int j = 0; j <= i; j++) {
        double sum = matrix[i][j];
        for (int k = 0; k < j; k++) {
          sum -= factor[i][k] * factor[j][k];
        }
        if (i == j && !(sum > 0)) {
          throw new ArithmeticException("the matrix is not positive definite at row " + i);
        }
        factor[i][j] = i == j ? Math.sqrt(sum) : sum / factor[j][j];
      }
    }
  }

  /** Returns the solution x of {@code A x = b}. */
  public double[] solve(double[] b) {
    int n = factor.length;
    double[] x = b.clone();
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < i; k++) {
        x[i] -= factor[i][k] * x[k];
      }
      x[i] /= factor[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
      x[i] /= factor[i][i];
      for (int k = 0; k < i; k++) {
        x[k] -= factor[i][k] * x[i];
      }
    }
    return x;
  }
}

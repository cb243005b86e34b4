package dev.vidrio.lens.numeric;

import java.util.Arrays;

/**
 * The eigenvalues of a real square matrix: Householder reflections to Hessenberg form, then QR
 * steps with Wilkinson shifts in complex arithmetic (Francis 1961; Golub and Van Loan, Matrix
 * Computations, section 7.5).
 */
public final class Eigenvalues {
  /** QR steps for an eigenvalue; a few are usual. */
  private static final int STEPS = 300;

  /** Every tenth step has another shift, which ends cycles. */
  private static final int EXCEPTIONAL = 10;

  private final double[][] re;
  private final double[][] im;

  private Eigenvalues(double[][] hessenberg) {
    this.re = hessenberg;
    this.im = new double[hessenberg.length][hessenberg.length];
  }

  /**
   * Returns the eigenvalues of a matrix, [n][2]: real and imaginary parts, in no particular order.
   *
   * @param matrix [n][n]
   * @throws ArithmeticException if the steps do not converge, as with elements that are not finite
   */
  public static double[][] of(double[][] matrix) {
    double[][] copy = Arrays.stream(matrix).map(double[]::clone).toArray(double[][]::new);
    reduce(copy);
    return new Eigenvalues(copy).deflate();
  }

  /** Reflects a matrix to Hessenberg form: zeros below the first subdiagonal. */
  private static void reduce(double[][] a) {
    int n = a.length;
    for (int k = 0; k < n - 2; k++) {
      var v = new double[n];
      double square = 0;
      for (int i = k + 1; i < n; i++) {
        v[i] = a[i][k];
        square += v[i] * v[i];
      }
      if (square == v[k + 1] * v[k + 1]) {
        continue;
      }
      double first = v[k + 1];
      v[k + 1] += Math.copySign(Math.sqrt(square), first);
      double scale = 2 / (square - first * first + v[k + 1] * v[k + 1]);
      reflect(a, v, scale, k + 1);
    }
  }

  /** Multiplies by {@code I − scale · v vᵀ} from both sides. */
  private static void reflect(double[][] a, double[] v, double scale, int from) {
    int n = a.length;
    var sums = new double[n];
    for (int i = from; i < n; i++) {
      for (int j = 0; j < n; j++) {
        sums[j] += v[i] * a[i][j];
      }
    }
    for (int i = from; i < n; i++) {
      for (int j = 0; j < n; j++) {
        a[i][j] -= scale * v[i] * sums[j];
      }
    }
    for (double[] row : a) {
      double sum = 0;
      for (int j = from; j < n; j++) {
        sum += row[j] * v[j];
      }
      for (int j = from; j < n; j++) {
        row[j] -= scale * sum * v[j];
      }
    }
  }

  /** Splits off eigenvalues from the end. */
  private double[][] deflate() {
    int n = re.length;
    var values = new double[n][];
    for (int end = n - 1; end >= 0; end--) {
      isolate(end);
      values[end] = new double[] {re[end][end], im[end][end]};
    }
    return values;
  }

  /** Runs QR steps until the last row of a leading block has only its diagonal element. */
  private void isolate(int end) {
    for (int steps = 0; steps <= STEPS; steps++) {
      int begin = end;
      while (begin > 0 && !negligible(begin)) {
        begin--;
      }
      if (begin == end) {
        return;
      }
      step(begin, end, steps % EXCEPTIONAL == EXCEPTIONAL - 1);
    }
    throw new ArithmeticException("the eigenvalues do not converge");
  }

  /** Returns whether the element before the diagonal of a row is zero up to rounding. */
  private boolean negligible(int i) {
    double size = Math.hypot(re[i - 1][i - 1], im[i - 1][i - 1]) + Math.hypot(re[i][i], im[i][i]);
    return Math.hypot(re[i][i - 1], im[i][i - 1]) <= Math.ulp(size);
  }

  /** Runs one QR step on the rows and columns from {@code begin} to {@code end}. */
  private void step(int begin, int end, boolean exceptional) {
    double[] shift = exceptional ? exceptional(end) : shift(end);
    for (int k = begin; k <= end; k++) {
      re[k][k] -= shift[0];
      im[k][k] -= shift[1];
    }
    var rotations = new double[end - begin][];
    for (int k = begin; k < end; k++) {
      double[] g = rotation(re[k][k], im[k][k], re[k + 1][k], im[k + 1][k]);
      rotations[k - begin] = g;
      for (int j = k; j <= end; j++) {
        double xr = re[k][j];
        double xi = im[k][j];
        double yr = re[k + 1][j];
        double yi = im[k + 1][j];
        re[k][j] = g[0] * xr + g[1] * xi + g[2] * yr + g[3] * yi;
        im[k][j] = g[0] * xi - g[1] * xr + g[2] * yi - g[3] * yr;
        re[k + 1][j] = g[0] * yr - g[1] * yi - g[2] * xr + g[3] * xi;
        im[k + 1][j] = g[0] * yi + g[1] * yr - g[2] * xi - g[3] * xr;
      }
    }
    for (int k = begin; k < end; k++) {
      double[] g = rotations[k - begin];
      for (int i = begin; i <= Math.min(k + 1, end); i++) {
        double xr = re[i][k];
        double xi = im[i][k];
        double yr = re[i][k + 1];
        double yi = im[i][k + 1];
        re[i][k] = g[0] * xr - g[1] * xi + g[2] * yr - g[3] * yi;
        im[i][k] = g[0] * xi + g[1] * xr + g[2] * yi + g[3] * yr;
        re[i][k + 1] = g[0] * yr + g[1] * yi - g[2] * xr - g[3] * xi;
        im[i][k + 1] = g[0] * yi - g[1] * yr - g[2] * xi + g[3] * xr;
      }
    }
    for (int k = begin; k <= end; k++) {
      re[k][k] += shift[0];
      im[k][k] += shift[1];
    }
  }

  /**
   * Returns the unitary rotation {@code [[c̄, s̄], [−s, c]]} that maps (a, b) to (r, 0), as the
   * real and imaginary parts of c and s.
   */
  private static double[] rotation(double ar, double ai, double br, double bi) {
    double r = Math.hypot(Math.hypot(ar, ai), Math.hypot(br, bi));
    return r == 0 ? new double[] {1, 0, 0, 0} : new double[] {ar / r, ai / r, br / r, bi / r};
  }

  /** Returns the eigenvalue of the last 2 × 2 block that is nearer to its last element. */
  private double[] shift(int end) {
    double dr = re[end][end];
    double di = im[end][end];
    double halfR = (re[end - 1][end - 1] - dr) / 2;
    double halfI = (im[end - 1][end - 1] - di) / 2;
    double br = re[end - 1][end];
    double bi = im[end - 1][end];
    double cr = re[end][end - 1];
    double ci = im[end][end - 1];
    double bcR = br * cr - bi * ci;
    double bcI = br * ci + bi * cr;
    double rootR = halfR * halfR - halfI * halfI + bcR;
    double rootI = 2 * halfR * halfI + bcI;
    double size = Math.hypot(rootR, rootI);
    double sr = Math.sqrt(Math.max(0, size + rootR) / 2);
    double si = Math.copySign(Math.sqrt(Math.max(0, size - rootR) / 2), rootI);
    // The root that gives the larger sum with the half difference has no cancellation:
    // λ = d − bc / (half ± root).
    double sign = halfR * sr + halfI * si < 0 ? -1 : 1;
    double qr = halfR + sign * sr;
    double qi = halfI + sign * si;
    double square = qr * qr + qi * qi;
    return square == 0
        ? new double[] {dr, di}
        : new double[] {dr - (bcR * qr + bcI * qi) / square, di - (bcI * qr - bcR * qi) / square};
  }

  /** Returns a shift beside the last element, by the size of the element before it. */
  private double[] exceptional(int end) {
    double size = Math.hypot(re[end][end - 1], im[end][end - 1]);
    return new double[] {re[end][end] + 0.75 * size, im[end][end] + 0.4375 * size};
  }
}

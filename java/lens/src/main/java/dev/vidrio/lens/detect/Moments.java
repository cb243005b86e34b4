package dev.vidrio.lens.detect;

/**
 * Moments of a distribution.
 *
 * @param skewness the third standardized moment; NaN for a constant
 * @param kurtosis the fourth standardized moment, 3 for a normal distribution; NaN for a constant
 */
record Moments(double mean, double deviation, double skewness, double kurtosis) {
  /** Relative to the mean square: a smaller variance is rounding error. */
  private static final double NEGLIGIBLE = 1e-14;

  /** Returns the moments of n values with these sums of powers. */
  static Moments of(long n, double first, double second, double third, double fourth) {
    double mean = first / n;
    double square = second / n;
    double variance = Math.max(0, square - mean * mean);
    if (variance <= NEGLIGIBLE * square) {
      return new Moments(mean, 0, Double.NaN, Double.NaN);
    }
    double deviation = Math.sqrt(variance);
    double cube = third / n - 3 * mean * square + 2 * mean * mean * mean;
    double biquadrate =
        fourth / n
            - 4 * mean * third / n
            + 6 * mean * mean * square
            - 3 * mean * mean * mean * mean;
    return new Moments(
        mean, deviation, cube / (variance * deviation), biquadrate / (variance * variance));
  }
}

package dev.vidrio.lens.numeric;

/**
 * A mean with its 95 % confidence interval {@code mean ± halfWidth}, where the half width is 1.96
 * standard errors, {@code 1.96 s / √n}.
 *
 * @param mean of the values; NaN without any
 * @param halfWidth of the interval; NaN with fewer than two values
 * @param count n, the number of values
 */
public record Estimate(double mean, double halfWidth, int count) {
  private static final double QUANTILE = 1.96;

  /** Returns the estimate of the mean of values, with the unbiased variance. */
  public static Estimate of(double[] values) {
    int n = values.length;
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    double mean = sum / n;
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    double halfWidth = n < 2 ? Double.NaN : QUANTILE * Math.sqrt(squares / (n - 1) / n);
    return new Estimate(mean, halfWidth, n);
  }
}

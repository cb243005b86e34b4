package dev.vidrio.lens.numeric;

import java.util.List;
import java.util.Locale;

/**
 * The mean of independent values with its 95 % confidence interval, {@code mean ± 1.96 s/√n}, where
 * s is the sample standard deviation (normal approximation, for tens of values and more).
 *
 * @param mean of the values
 * @param halfWidth half the width of the interval; NaN for fewer than two values
 * @param count n
 */
public record Estimate(double mean, double halfWidth, int count) {
  private static final double Z = 1.96;

  /** Returns the estimate of the mean of values; NaN if there is none. */
  public static Estimate of(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    double mean = sum / values.length;
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return new Estimate(mean, halfWidth(squares, values.length), values.length);
  }

  /** Returns the estimate of the mean of values; NaN if there is none. */
  public static Estimate of(List<Double> values) {
    return of(values.stream().mapToDouble(Double::doubleValue).toArray());
  }

  /** Returns a single value, which has no interval. */
  public static Estimate of(double value) {
    return new Estimate(value, Double.NaN, 1);
  }

  /**
   * Returns half the width of the interval of a mean.
   *
   * @param squares the sum of the squared deviations from the mean
   * @param count n
   */
  public static double halfWidth(double squares, int count) {
    return count < 2 ? Double.NaN : Z * Math.sqrt(Math.max(0, squares) / (count - 1.0) / count);
  }

  /** Returns the mean with three decimals, and the interval: {@code 3.142 ± 0.020}. */
  @Override
  public String toString() {
    return format("%.3f", 1);
  }

  /**
   * Returns the mean and, if there is one, the interval, both times a factor.
   *
   * @param number a format, such as {@code %.1f}, or {@code %+.1f} for a mean with a sign
   */
  public String format(String number, double factor) {
    String text = String.format(Locale.ROOT, number, factor * mean);
    text = text.matches("-[0.]+") ? text.substring(1) : text;
    return Double.isFinite(halfWidth)
        ? text + " ± " + String.format(Locale.ROOT, number.replace("+", ""), factor * halfWidth)
        : text;
  }
}

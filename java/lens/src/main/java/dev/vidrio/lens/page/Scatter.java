package dev.vidrio.lens.page;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A diagram of points. The reader chooses two measures as axes.
 *
 * @param labels the name of each point
 * @param measures at least two
 */
public record Scatter(String title, String note, List<String> labels, List<Measure> measures)
    implements View {
  /** Digits that a picture can show, which keeps pages of many points small. */
  private static final MathContext DIGITS = new MathContext(4);

  /**
   * A measure of all points.
   *
   * @param name the quantity
   * @param values of each point; null for points without a value
   */
  public record Measure(String name, List<@Nullable Double> values) {
    /** Returns a measure, rounded to four digits; NaN becomes null. */
    public static Measure of(String name, double[] values) {
      List<@Nullable Double> rounded = new ArrayList<>();
      for (double value : values) {
        rounded.add(
            Double.isFinite(value) ? new BigDecimal(value).round(DIGITS).doubleValue() : null);
      }
      return new Measure(name, rounded);
    }
  }

  public Scatter {
    labels = List.copyOf(labels);
    measures = List.copyOf(measures);
  }
}

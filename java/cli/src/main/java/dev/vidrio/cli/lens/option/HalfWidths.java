package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.Json;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Half the widths of 95 % intervals, as text and in JSON. */
public final class HalfWidths {
  private HalfWidths() {}

  /** Returns numbers for JSON, null for NaN. */
  public static List<@Nullable Double> json(List<Double> widths) {
    List<@Nullable Double> numbers = new ArrayList<>();
    widths.forEach(width -> numbers.add(Json.finite(width)));
    return numbers;
  }

  /** Returns a table for JSON. */
  public static List<List<@Nullable Double>> jsonTable(List<List<Double>> widths) {
    return widths.stream().map(HalfWidths::json).toList();
  }

  /** Prints the largest of a table of intervals in percent, if there are some. */
  public static void print(List<List<Double>> widths) {
    double largest =
        widths.stream()
            .flatMap(List::stream)
            .mapToDouble(Double::doubleValue)
            .filter(Double::isFinite)
            .max()
            .orElse(Double.NaN);
    if (!Double.isNaN(largest)) {
      System.out.printf(
          "95 %% intervals of the scores: up to ±%.0f; JSON has each%n", 100 * largest);
    }
  }
}

package dev.vidrio.lens.page;

import java.util.List;
import java.util.stream.IntStream;

/**
 * A bar chart; negative bars point left.
 *
 * @param bars in the model's order; the reader may sort them by size
 */
public record Bars(String title, String note, List<Bar> bars) implements View {
  /** A bar with a finite value. */
  public record Bar(String label, double value) {}

  public Bars {
    bars = List.copyOf(bars);
  }

  /** Returns a bar for each position of a text, or each of several things in order. */
  public static Bars byPosition(String title, String note, List<Double> values) {
    return new Bars(
        title,
        note,
        IntStream.range(0, values.size())
            .mapToObj(i -> new Bar(Integer.toString(i), values.get(i)))
            .toList());
  }
}

package dev.vidrio.lens.page;

import java.util.List;

/**
 * A bar chart of parts; negative bars point left.
 *
 * @param bars in the model's order; the reader may sort them by size
 */
public record Bars(String title, String note, List<Bar> bars) implements View {
  /** A part. Its value is finite. */
  public record Bar(String label, double value) {}

  public Bars {
    bars = List.copyOf(bars);
  }
}

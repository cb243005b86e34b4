package dev.vidrio.lens.page;

import java.util.List;

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
}

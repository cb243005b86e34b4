package dev.vidrio.lens.decode.sae.index;

import java.util.List;

/**
 * Counts of positive values in bins of equal width, from 0 on.
 *
 * @param width of a bin, a power of 2
 * @param counts number of values in {@code [i · width, (i + 1) · width)}; the last is not 0
 */
public record Histogram(double width, List<Long> counts) {
  /** The histogram of no values. */
  static final Histogram EMPTY = new Histogram(1, List.of());

  public Histogram {
    counts = List.copyOf(counts);
  }
}

package dev.vidrio.lens.decode.sae.index;

import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * A histogram of positive values of an unknown range, in constant memory. The width of its bins is
 * a power of 2, which doubles when a value exceeds them; then two bins become one, so that counts
 * remain exact.
 */
final class HistogramSums {
  static final int BINS = 64;

  private final long[] counts = new long[BINS];
  private int exponent = Integer.MIN_VALUE;

  /** Counts a finite value above 0. */
  void add(float value) {
    if (exponent == Integer.MIN_VALUE) {
      // The first value is in the upper half of the bins.
      exponent = Math.max(Float.MIN_EXPONENT, Math.getExponent(value) - 5);
    }
    while (bin(value) >= BINS) {
      merge();
    }
    counts[(int) bin(value)]++;
  }

  private double bin(float value) {
    return Math.scalb((double) value, -exponent);
  }

  private void merge() {
    for (int i = 0; i < BINS / 2; i++) {
      counts[i] = counts[2 * i] + counts[2 * i + 1];
    }
    Arrays.fill(counts, BINS / 2, BINS, 0);
    exponent++;
  }

  Histogram histogram() {
    int end = BINS;
    while (end > 0 && counts[end - 1] == 0) {
      end--;
    }
    return end == 0
        ? Histogram.EMPTY
        : new Histogram(
            Math.scalb(1.0, exponent), LongStream.of(counts).limit(end).boxed().toList());
  }
}

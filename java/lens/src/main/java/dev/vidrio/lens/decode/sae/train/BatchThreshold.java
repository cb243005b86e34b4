package dev.vidrio.lens.decode.sae.train;

import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Selects the threshold of a batch of BatchTopK by counting: positive floats have the order of
 * their bits, so that two passes over the values, for the upper and the lower half of the bits,
 * find one of a rank.
 */
public final class BatchThreshold {
  private static final int HALF = 16;
  private static final int BINS = 1 << HALF;

  /** Number of parts of the values that are counted in parallel. */
  private static final int PARTS = 8;

  private BatchThreshold() {}

  /**
   * Returns the smallest of the largest positive values, or 0 if there are fewer.
   *
   * @param kept number of the largest values, at least 1
   */
  public static float of(float[][] values, long kept) {
    int[] upper = counts(values, bits -> bits >>> HALF);
    long larger = 0;
    int high = BINS - 1;
    for (; high >= 0 && larger + upper[high] < kept; high--) {
      larger += upper[high];
    }
    if (high < 0) {
      return 0;
    }
    int selected = high;
    int[] lower = counts(values, bits -> bits >>> HALF == selected ? bits & (BINS - 1) : -1);
    int low = BINS - 1;
    for (; larger + lower[low] < kept; low--) {
      larger += lower[low];
    }
    return Float.intBitsToFloat((high << HALF) | low);
  }

  /** Returns the number of positive values in each bin; −1 is none. */
  private static int[] counts(float[][] values, IntUnaryOperator bin) {
    List<int[]> parts =
        IntStream.range(0, PARTS)
            .parallel()
            .mapToObj(
                part -> {
                  var counts = new int[BINS];
                  for (int b = part; b < values.length; b += PARTS) {
                    count(values[b], bin, counts);
                  }
                  return counts;
                })
            .toList();
    var sums = new int[BINS];
    for (int[] part : parts) {
      for (int i = 0; i < BINS; i++) {
        sums[i] += part[i];
      }
    }
    return sums;
  }

  private static void count(float[] row, IntUnaryOperator bin, int[] counts) {
    for (float value : row) {
      int i = value > 0 ? bin.applyAsInt(Float.floatToRawIntBits(value)) : -1;
      if (i >= 0) {
        counts[i]++;
      }
    }
  }
}

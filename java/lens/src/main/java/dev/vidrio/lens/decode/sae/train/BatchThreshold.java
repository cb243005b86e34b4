package dev.vidrio.lens.decode.sae.train;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Selects the threshold of a batch of BatchTopK by counting: positive floats have the order of
 * their bits, so that two passes over the values, for the upper and the lower half of the bits,
 * find one of a rank. Of large batches, only values above a bound are counted, which a sample of
 * the rows suggests.
 */
public final class BatchThreshold {
  private static final int HALF = 16;
  private static final int BINS = 1 << HALF;

  /** Number of parts of the values that are counted in parallel. */
  private static final int PARTS = 8;

  /** The distance between rows of a sample. */
  private static final int SAMPLED = 16;

  /** The first size of the memory for values of a row. */
  private static final int FIRST = 64;

  private BatchThreshold() {}

  /**
   * Returns the smallest of the largest positive values, or 0 if there are fewer.
   *
   * @param kept number of the largest values, at least 1
   */
  public static float of(float[][] values, long kept) {
    return ranked(candidates(values, kept), kept);
  }

  /** Returns values that include the largest, unless there are fewer. */
  private static float[][] candidates(float[][] values, long kept) {
    if (values.length < 2 * SAMPLED) {
      return values;
    }
    float[][] sample =
        IntStream.range(0, values.length / SAMPLED)
            .mapToObj(i -> values[i * SAMPLED])
            .toArray(float[][]::new);
    // Twice as many as are needed, since the sample may differ from the rest.
    float bound = ranked(sample, Math.ceilDiv(2 * kept, SAMPLED));
    float[][] largest =
        Arrays.stream(values).parallel().map(row -> atLeast(row, bound)).toArray(float[][]::new);
    long count = Arrays.stream(largest).mapToLong(row -> row.length).sum();
    return bound > 0 && count >= kept ? largest : values;
  }

  private static float[] atLeast(float[] row, float bound) {
    var kept = new float[FIRST];
    int n = 0;
    for (float value : row) {
      if (value >= bound) {
        kept = n < kept.length ? kept : Arrays.copyOf(kept, 2 * n);
        kept[n++] = value;
      }
    }
    return Arrays.copyOf(kept, n);
  }

  private static float ranked(float[][] values, long kept) {
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

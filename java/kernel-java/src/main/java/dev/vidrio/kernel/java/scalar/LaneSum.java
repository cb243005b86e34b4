package dev.vidrio.kernel.java.scalar;

import java.util.Arrays;

/** The lane sum of docs/numerics.md: 16 accumulators that are merged in a fixed tree. */
public final class LaneSum {
  /** The number of accumulators. */
  public static final int LANES = 16;

  private final float[] lanes = new float[LANES];

  void clear() {
    Arrays.fill(lanes, 0);
  }

  /** Adds element i. */
  void add(int i, float value) {
    lanes[i % LANES] += value;
  }

  /** Adds the product a · b as element i. */
  void fma(int i, float a, float b) {
    lanes[i % LANES] = Math.fma(a, b, lanes[i % LANES]);
  }

  float merge() {
    for (int width = LANES / 2; width > 0; width /= 2) {
      for (int i = 0; i < width; i++) {
        lanes[i] += lanes[i + width];
      }
    }
    return lanes[0] + 0f;
  }
}

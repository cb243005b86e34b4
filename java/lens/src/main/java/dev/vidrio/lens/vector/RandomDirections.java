package dev.vidrio.lens.vector;

import dev.vidrio.model.sampling.SplitMix64;

/** Random directions, from which dictionaries are trained. */
public final class RandomDirections {
  private RandomDirections() {}

  /** Returns {@code count} vectors of d elements and norm 1. */
  public static float[][] of(SplitMix64 random, int count, int d) {
    var directions = new float[count][d];
    for (float[] direction : directions) {
      for (int j = 0; j < d; j++) {
        // The sum of twelve uniform numbers is approximately normal.
        double sum = -6;
        for (int i = 0; i < 12; i++) {
          sum += random.nextDouble();
        }
        direction[j] = (float) sum;
      }
      Vectors.normalize(direction);
    }
    return directions;
  }
}

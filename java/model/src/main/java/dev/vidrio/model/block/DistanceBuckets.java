package dev.vidrio.model.block;

import dev.vidrio.kernel.op.PositionBias;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.ValueLayout;

/**
 * The buckets of distances that share a bias of attention (T5, Raffel et al. 2020, arXiv
 * 1910.10683), for bidirectional attention. One half of them is for keys up to the query's own
 * position, the other for keys after it. Half of these have one distance each, the others ranges
 * that grow logarithmically.
 *
 * @param count number of buckets, at least 4
 * @param maxDistance distances from here on share the last bucket of their half
 */
record DistanceBuckets(int count, int maxDistance) {
  /**
   * Returns the bucket of a distance.
   *
   * @param distance leads from the query's position to the key's
   */
  int of(int distance) {
    int half = count / 2;
    int exact = half / 2;
    int length = Math.abs(distance);
    int first = distance > 0 ? half : 0;
    if (length < exact) {
      return first + length;
    }
    // In f32, as transformers computes it, since the borders of buckets depend on the roundings.
    float share =
        (float) Math.log((float) length / exact)
            / (float) Math.log((double) maxDistance / exact)
            * (half - exact);
    return first + Math.min(exact + (int) share, half - 1);
  }

  /** Takes a tensor [count, H] and returns its biases by distance. */
  PositionBias.Table bias(WeightLoader weights, String tensor, int heads) {
    Weights ofBuckets = weights.vectors(tensor, count, heads);
    int width = 2 * maxDistance + 1;
    var biases = new float[heads * width];
    for (int head = 0; head < heads; head++) {
      for (int i = 0; i < width; i++) {
        int at = of(i - maxDistance) * heads + head;
        biases[head * width + i] =
            ofBuckets.data().getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, at);
      }
    }
    return new PositionBias.Table(weights.constants(tensor + " by distance", heads, width, biases));
  }
}

package dev.vidrio.lens.graph;

import java.util.Arrays;

/** The strongest effects on a target, by source, ascending. */
final class GraphRow {
  /** Maximum number of effects that a row keeps: 128 KiB. */
  private static final int MAX_EFFECTS = 1 << 14;

  final int[] sources;
  final float[] effects;

  /** The sum of the magnitudes of all effects, including those that are not kept. */
  final double total;

  /** The sum of all effects and constants: the target's value. */
  final double sum;

  private GraphRow(int[] sources, float[] effects, double total, double sum) {
    this.sources = sources;
    this.effects = effects;
    this.total = total;
    this.sum = sum;
  }

  /**
   * Returns the strongest of all effects, by source.
   *
   * @param constants the part of the target's value that comes from constants
   */
  static GraphRow of(float[] all, double constants) {
    double total = 0;
    double sum = constants;
    int count = 0;
    for (float effect : all) {
      total += Math.abs(effect);
      sum += effect;
      count += effect == 0 ? 0 : 1;
    }
    float least = count > MAX_EFFECTS ? threshold(all) : Float.MIN_VALUE;
    var sources = new int[count];
    var effects = new float[count];
    int kept = 0;
    for (int i = 0; i < all.length; i++) {
      if (Math.abs(all[i]) >= least) {
        sources[kept] = i;
        effects[kept++] = all[i];
      }
    }
    return new GraphRow(Arrays.copyOf(sources, kept), Arrays.copyOf(effects, kept), total, sum);
  }

  private static float threshold(float[] all) {
    float[] magnitudes = all.clone();
    for (int i = 0; i < magnitudes.length; i++) {
      magnitudes[i] = Math.abs(magnitudes[i]);
    }
    Arrays.parallelSort(magnitudes);
    return magnitudes[magnitudes.length - MAX_EFFECTS];
  }

  /** Returns the effect of a source; 0 if it is not kept. */
  float of(int source) {
    int at = Arrays.binarySearch(sources, source);
    return at < 0 ? 0 : effects[at];
  }
}

package dev.vidrio.lens.numeric;

import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Clusters of rows by k-means: Lloyd's algorithm (1982, doi:10.1109/TIT.1982.1056489) from seeds of
 * k-means++ (Arthur and Vassilvitskii 2007); of several starts, the one with the smallest inertia.
 */
public final class KMeans {
  private static final int STEPS = 300;

  private final float[][] rows;
  private final double[][] centroids;
  private final int[] clusters;
  private double inertia;

  private KMeans(float[][] rows, double[][] centroids) {
    this.rows = rows;
    this.centroids = centroids;
    this.clusters = new int[rows.length];
    Arrays.fill(clusters, -1);
  }

  /**
   * Clusters rows.
   *
   * @param rows [n][d]
   * @param k number of clusters, 1 to n
   * @param starts number of starts
   * @param seed of the starts
   */
  public static KMeans of(float[][] rows, int k, int starts, long seed) {
    Preconditions.requireRange("clusters", k, 1, rows.length);
    Preconditions.requirePositive("starts", starts);
    var random = new SplitMix64(seed);
    KMeans best = start(rows, k, random);
    for (int start = 1; start < starts; start++) {
      KMeans found = start(rows, k, random);
      best = found.inertia < best.inertia ? found : best;
    }
    return best;
  }

  private static KMeans start(float[][] rows, int k, SplitMix64 random) {
    var start = new KMeans(rows, seeds(rows, k, random));
    start.run();
    return start;
  }

  /** Draws rows, each with a probability proportional to its squared distance from the others. */
  private static double[][] seeds(float[][] rows, int k, SplitMix64 random) {
    var seeds = new double[k][rows[0].length];
    var distances = new double[rows.length];
    Arrays.fill(distances, 1);
    for (int s = 0; s < k; s++) {
      double left = random.nextDouble() * Arrays.stream(distances).sum();
      int drawn = 0;
      for (int i = 0; i < rows.length && left >= 0; i++) {
        left -= distances[i];
        drawn = distances[i] > 0 ? i : drawn;
      }
      for (int j = 0; j < seeds[s].length; j++) {
        seeds[s][j] = rows[drawn][j];
      }
      for (int i = 0; i < rows.length; i++) {
        double own = distance(rows[i], seeds[s]);
        distances[i] = s == 0 ? own : Math.min(distances[i], own);
      }
    }
    return seeds;
  }

  private void run() {
    for (int step = 0; step < STEPS; step++) {
      double[] distances = new double[rows.length];
      int[] assigned =
          IntStream.range(0, rows.length)
              .parallel()
              .map(i -> nearest(rows[i], distances, i))
              .toArray();
      inertia = Arrays.stream(distances).sum();
      if (Arrays.equals(assigned, clusters)) {
        return;
      }
      System.arraycopy(assigned, 0, clusters, 0, assigned.length);
      move(distances);
    }
  }

  private int nearest(float[] row, double[] distances, int i) {
    int best = 0;
    distances[i] = Double.POSITIVE_INFINITY;
    for (int c = 0; c < centroids.length; c++) {
      double own = distance(row, centroids[c]);
      if (own < distances[i]) {
        distances[i] = own;
        best = c;
      }
    }
    return best;
  }

  /** Moves centroids to the means of their rows; an empty one moves to the most distant row. */
  private void move(double[] distances) {
    for (int c = 0; c < centroids.length; c++) {
      var sum = new double[centroids[c].length];
      int count = 0;
      for (int i = 0; i < rows.length; i++) {
        if (clusters[i] == c) {
          count++;
          for (int j = 0; j < sum.length; j++) {
            sum[j] += rows[i][j];
          }
        }
      }
      if (count == 0) {
        int far =
            IntStream.range(0, rows.length)
                .reduce((a, b) -> distances[b] > distances[a] ? b : a)
                .orElseThrow();
        distances[far] = 0;
        for (int j = 0; j < sum.length; j++) {
          centroids[c][j] = rows[far][j];
        }
      } else {
        for (int j = 0; j < sum.length; j++) {
          centroids[c][j] = sum[j] / count;
        }
      }
    }
  }

  private static double distance(float[] row, double[] centroid) {
    double sum = 0;
    for (int j = 0; j < centroid.length; j++) {
      sum += (row[j] - centroid[j]) * (row[j] - centroid[j]);
    }
    return sum;
  }

  /** Returns the means of the clusters, [k][d]. */
  public double[][] centroids() {
    return centroids;
  }

  /** Returns the cluster of each row, [n]. */
  public int[] clusters() {
    return clusters;
  }

  /** Returns the sum of squared distances of rows from their centroids. */
  public double inertia() {
    return inertia;
  }
}

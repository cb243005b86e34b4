package dev.vidrio.lens.detect;

import dev.vidrio.lens.detect.NeuronStatistics.Context;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Sums over the activations of a layer's neurons, of constant size. Not thread-safe. */
final class NeuronSums {
  private final int neurons;
  private final int bins;
  private final int kept;

  /** Sums of powers 1 to 4 of the activations, [4][neurons]. */
  private final double[][] powers;

  /** Numbers of active tokens, [bins][neurons]. */
  private final int[][] active;

  /** The largest activations of each neuron, descending, [neurons][kept]. */
  private final float[][] values;

  /** Text, position, token and previous token of each of the largest activations. */
  private final int[][] contexts;

  private final int[] count;

  /** The smallest kept activation of each neuron; negative infinity while there is room. */
  private final float[] least;

  /**
   * Creates empty sums.
   *
   * @param bins number of ranges of positions
   * @param kept number of largest activations to keep of each neuron
   */
  NeuronSums(int neurons, int bins, int kept) {
    this.neurons = neurons;
    this.bins = bins;
    this.kept = kept;
    this.powers = new double[4][neurons];
    this.active = new int[bins][neurons];
    this.values = new float[neurons][kept];
    this.contexts = new int[neurons][4 * kept];
    this.count = new int[neurons];
    this.least = new float[neurons];
    Arrays.fill(least, Float.NEGATIVE_INFINITY);
  }

  /**
   * Adds the activations at a token.
   *
   * @param pre inputs of the activation function, [neurons]
   * @param post activations, [neurons]
   * @param at text, position, token and previous token
   */
  void add(int bin, float[] pre, float[] post, int[] at) {
    int[] counts = active[bin];
    for (int u = 0; u < neurons; u++) {
      counts[u] += pre[u] > 0 ? 1 : 0;
    }
    double[] first = powers[0];
    double[] second = powers[1];
    double[] third = powers[2];
    double[] fourth = powers[3];
    for (int u = 0; u < neurons; u++) {
      double x = post[u];
      double square = x * x;
      first[u] += x;
      second[u] += square;
      third[u] += square * x;
      fourth[u] += square * square;
    }
    for (int u = 0; u < neurons; u++) {
      if (post[u] > least[u]) {
        insert(u, post[u], at);
      }
    }
  }

  /** Inserts a value after all that are not smaller. */
  private void insert(int u, float value, int[] at) {
    float[] sorted = values[u];
    int i = Math.min(count[u], kept - 1);
    while (i > 0 && sorted[i - 1] < value) {
      sorted[i] = sorted[i - 1];
      System.arraycopy(contexts[u], 4 * (i - 1), contexts[u], 4 * i, 4);
      i--;
    }
    sorted[i] = value;
    System.arraycopy(at, 0, contexts[u], 4 * i, 4);
    count[u] = Math.min(kept, count[u] + 1);
    least[u] = count[u] < kept ? Float.NEGATIVE_INFINITY : sorted[kept - 1];
  }

  /**
   * Returns the statistics.
   *
   * @param tokens numbers of tokens in each range of positions
   */
  List<NeuronStatistics> statistics(int layer, long[] tokens) {
    long n = Arrays.stream(tokens).sum();
    List<NeuronStatistics> all = new ArrayList<>();
    for (int u = 0; u < neurons; u++) {
      Moments moments = Moments.of(n, powers[0][u], powers[1][u], powers[2][u], powers[3][u]);
      long on = 0;
      for (int[] bin : active) {
        on += bin[u];
      }
      all.add(
          new NeuronStatistics(
              layer,
              u,
              moments.mean(),
              moments.deviation(),
              moments.skewness(),
              moments.kurtosis(),
              on / (double) n,
              information(u, on, tokens, n),
              contexts(u)));
    }
    return all;
  }

  /** Returns the mutual information of activity and position, in bits. */
  private double information(int u, long on, long[] tokens, long n) {
    double sum = 0;
    for (int b = 0; b < bins; b++) {
      sum +=
          part(active[b][u], tokens[b], on, n)
              + part(tokens[b] - active[b][u], tokens[b], n - on, n);
    }
    return Math.max(0, sum / n / Math.log(2));
  }

  /** Returns {@code c ln((c / t) / (all / n))}. */
  private static double part(long c, long t, long all, long n) {
    return c == 0 ? 0 : c * Math.log((double) c * n / ((double) t * all));
  }

  private List<Context> contexts(int u) {
    List<Context> top = new ArrayList<>();
    for (int i = 0; i < count[u]; i++) {
      int[] all = contexts[u];
      int at = 4 * i;
      top.add(new Context(all[at], all[at + 1], all[at + 2], all[at + 3], values[u][i]));
    }
    return top;
  }
}

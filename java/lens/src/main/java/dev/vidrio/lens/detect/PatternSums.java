package dev.vidrio.lens.detect;

import java.util.stream.IntStream;

/**
 * Sums of a head's attention weights over the queries of texts, except the query at position 0 of
 * each, which can attend only to itself. Memory does not depend on the number of texts.
 */
final class PatternSums {
  private static final double LN_2 = Math.log(2);

  private double entropy;
  private double distance;
  private double current;
  private double previous;
  private double first;
  private double subword;
  private double duplicate;
  private double induction;
  private long queries;
  private long repeats;
  private long continuations;

  /** The number of queries with the maximum weight at each distance. */
  private final long[] distances;

  /**
   * Creates empty sums.
   *
   * @param length maximum number of tokens of a text
   */
  PatternSums(int length) {
    this.distances = new long[length];
  }

  /** The relations of the tokens of a text to earlier ones, for the patterns of all heads. */
  static final class Relations {
    private final int[] words;
    private final int[][] repeated;

    /**
     * Creates the relations of a text.
     *
     * @param words the position of the first token of each token's word
     */
    Relations(int[] tokens, int[] words) {
      this.words = words;
      this.repeated = new int[tokens.length][];
      for (int i = 0; i < tokens.length; i++) {
        int own = tokens[i];
        repeated[i] = IntStream.range(0, i).filter(j -> tokens[j] == own).toArray();
      }
    }

    /** Returns the number of tokens. */
    int length() {
      return words.length;
    }
  }

  /**
   * Adds the queries of a text.
   *
   * @param pattern [keys − from, keys]: a row per position from {@code from} on
   * @param relations of the keys
   */
  void add(float[] pattern, int from, Relations relations) {
    int keys = relations.words.length;
    for (int i = Math.max(from, 1); i < keys; i++) {
      int row = (i - from) * keys;
      int most = 0;
      for (int j = 0; j <= i; j++) {
        double weight = pattern[row + j];
        entropy -= weight > 0 ? weight * Math.log(weight) : 0;
        distance += weight * (i - j);
        most = weight > pattern[row + most] ? j : most;
      }
      for (int j : relations.repeated[i]) {
        duplicate += pattern[row + j];
        induction += j + 1 < i ? pattern[row + j + 1] : 0;
      }
      for (int j = relations.words[i]; j < i; j++) {
        subword += pattern[row + j];
      }
      current += pattern[row + i];
      previous += pattern[row + i - 1];
      first += pattern[row];
      queries++;
      repeats += relations.repeated[i].length > 0 ? 1 : 0;
      continuations += relations.words[i] < i ? 1 : 0;
      distances[i - most]++;
    }
  }

  /** Returns the means over all queries. */
  HeadScores scores(int layer, int head) {
    double n = orNan(queries);
    double r = orNan(repeats);
    return new HeadScores(
        layer,
        head,
        entropy / n / LN_2,
        current / n,
        previous / n,
        first / n,
        duplicate / r,
        induction / r);
  }

  /** Returns the statistics over all queries. */
  HeadStatistics statistics(int layer, int head) {
    int most =
        IntStream.range(0, distances.length)
            .reduce((a, b) -> distances[b] > distances[a] ? b : a)
            .orElseThrow();
    return new HeadStatistics(
        scores(layer, head),
        distance / orNan(queries),
        subword / orNan(continuations),
        most,
        distances[most] / orNan(queries));
  }

  private static double orNan(long count) {
    return count == 0 ? Double.NaN : count;
  }
}

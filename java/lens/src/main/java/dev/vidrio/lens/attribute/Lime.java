package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.numeric.Cholesky;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * LIME (Ribeiro et al. 2016, arXiv 1602.04938): the slopes of a linear model of the metric near the
 * text, fitted to random sets of present spans by ridge regression,
 *
 * <pre>{@code min_{b, φ} Σ_S w(S) (b + Σ_{i ∈ S} φ_i − f(S))² + λ ‖φ‖²
 * w(S) = exp(−(1 − √(|S| / k))² / 2σ²)}</pre>
 *
 * with the cosine distance from the whole text, σ = 0.25 and λ = 1, as the authors' program has for
 * texts. Scores do not add up.
 *
 * @see KernelShap
 * @see "docs/lens/answers.md"
 */
public final class Lime {
  private static final double WIDTH = 0.25;
  private static final double RIDGE = 1;

  private Lime() {}

  /**
   * Attributes a game.
   *
   * @param samples maximum number of sets; if there are no more, all are used. Otherwise the whole
   *     text is one of them, and the number of spans removed from each other one is uniform from 1
   *     to k
   * @param seed of the sets
   * @throws InvalidInputException if there is no sample
   */
  public static AnswerAttribution of(SpanGame game, int samples, long seed) {
    Preconditions.requirePositive("samples", samples);
    int k = game.size();
    boolean all = k < Integer.SIZE - 2 && (1 << k) <= samples;
    List<BitSet> sets =
        all
            ? IntStream.range(0, 1 << k)
                .mapToObj(bits -> BitSet.valueOf(new long[] {bits}))
                .toList()
            : sample(game, samples, new Random(seed));
    double[][] values = game.values(sets);
    // Column k is the intercept, which has no penalty.
    var matrix = new double[k + 1][k + 1];
    var products = new double[game.rows()][k + 1];
    for (int s = 0; s < sets.size(); s++) {
      BitSet set = (BitSet) sets.get(s).clone();
      double distance = 1 - Math.sqrt((double) set.cardinality() / k);
      double weight = Math.exp(-distance * distance / (2 * WIDTH * WIDTH));
      set.set(k);
      for (int i = set.nextSetBit(0); i >= 0; i = set.nextSetBit(i + 1)) {
        for (int j = set.nextSetBit(0); j >= 0; j = set.nextSetBit(j + 1)) {
          matrix[i][j] += weight;
        }
        for (int row = 0; row < products.length; row++) {
          products[row][i] += weight * values[s][row];
        }
      }
    }
    for (int i = 0; i < k; i++) {
      matrix[i][i] += RIDGE;
    }
    var factor = new Cholesky(matrix);
    var scores = new double[game.rows()][k];
    for (int row = 0; row < scores.length; row++) {
      System.arraycopy(factor.solve(products[row]), 0, scores[row], 0, k);
    }
    return game.attribution(scores, Double.NaN);
  }

  private static List<BitSet> sample(SpanGame game, int samples, Random random) {
    int k = game.size();
    List<Integer> order = new ArrayList<>(IntStream.range(0, k).boxed().toList());
    List<BitSet> sets = new ArrayList<>();
    sets.add(game.all());
    while (sets.size() < samples) {
      Collections.shuffle(order, random);
      BitSet set = game.all();
      order.subList(0, 1 + random.nextInt(k)).forEach(set::clear);
      sets.add(set);
    }
    return sets;
  }
}

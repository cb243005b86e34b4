package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.numeric.Cholesky;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * KernelSHAP (Lundberg and Lee 2017, arXiv 1705.07874): Shapley values as the solution of a
 * weighted least-squares problem over sets of spans,
 *
 * <pre>{@code min_φ Σ_S π(S) (f(none) + Σ_{i ∈ S} φ_i − f(S))²,  Σ_i φ_i = f(all) − f(none)
 * π(S) = (k − 1) / (C(k, |S|) |S| (k − |S|))}</pre>
 *
 * The constraint is solved exactly, so scores always add up. With all sets the solution is the
 * Shapley values; with fewer, sets are drawn by π, each with its complement (Covert and Lee 2021,
 * arXiv 2012.01536).
 *
 * @see ShapleyValues
 * @see "docs/lens/answers.md"
 */
public final class KernelShap {
  private KernelShap() {}

  /**
   * Attributes a game.
   *
   * @param samples maximum number of sets, in addition to the whole text and none of it; if there
   *     are no more, all are used
   * @param seed of the sets
   * @throws InvalidInputException if the samples do not determine the scores
   */
  public static AnswerAttribution of(SpanGame game, int samples, long seed) {
    Preconditions.requirePositive("samples", samples);
    int k = game.size();
    double[] whole = game.whole();
    double[] empty = game.empty();
    if (k == 1) {
      var one = new double[game.rows()][1];
      for (int row = 0; row < one.length; row++) {
        one[row][0] = whole[row] - empty[row];
      }
      return game.complete(one);
    }
    boolean all = k < Integer.SIZE - 2 && (1 << k) - 2 <= samples;
    List<BitSet> sets =
        all
            ? IntStream.range(1, (1 << k) - 1).mapToObj(KernelShap::set).toList()
            : sample(k, samples, new Random(seed));
    double[][] values = game.values(sets);
    var matrix = new double[k][k];
    var products = new double[game.rows()][k];
    for (int s = 0; s < sets.size(); s++) {
      BitSet set = sets.get(s);
      double weight = all ? kernel(k, set.cardinality()) : 1;
      for (int i = set.nextSetBit(0); i >= 0; i = set.nextSetBit(i + 1)) {
        for (int j = set.nextSetBit(0); j >= 0; j = set.nextSetBit(j + 1)) {
          matrix[i][j] += weight;
        }
        for (int row = 0; row < products.length; row++) {
          products[row][i] += weight * (values[s][row] - empty[row]);
        }
      }
    }
    Cholesky factor = factor(matrix, samples);
    var ones = new double[k];
    Arrays.fill(ones, 1);
    double[] direction = factor.solve(ones);
    double length = Arrays.stream(direction).sum();
    var scores = new double[game.rows()][];
    for (int row = 0; row < scores.length; row++) {
      scores[row] = factor.solve(products[row]);
      double excess = Arrays.stream(scores[row]).sum() - (whole[row] - empty[row]);
      for (int i = 0; i < k; i++) {
        scores[row][i] -= direction[i] * excess / length;
      }
    }
    return game.complete(scores);
  }

  private static Cholesky factor(double[][] matrix, int samples) {
    try {
      return new Cholesky(matrix);
    } catch (ArithmeticException e) {
      throw new InvalidInputException(
          "samples", samples, "do not determine the scores of " + matrix.length + " spans");
    }
  }

  private static BitSet set(int bits) {
    return BitSet.valueOf(new long[] {bits});
  }

  private static double kernel(int k, int size) {
    double choices = 1;
    for (int i = 1; i <= size; i++) {
      choices *= (double) (k - size + i) / i;
    }
    return (k - 1) / (choices * size * (k - size));
  }

  /** Draws sets by their kernel, and the complement of each. */
  private static List<BitSet> sample(int k, int samples, Random random) {
    var cumulative = new double[k];
    for (int size = 1; size < k; size++) {
      cumulative[size] = cumulative[size - 1] + 1.0 / (size * (double) (k - size));
    }
    List<Integer> order = new ArrayList<>(IntStream.range(0, k).boxed().toList());
    List<BitSet> sets = new ArrayList<>();
    while (sets.size() + 2 <= Math.max(2, samples)) {
      double drawn = random.nextDouble() * cumulative[k - 1];
      int size = 1;
      while (cumulative[size] < drawn) {
        size++;
      }
      Collections.shuffle(order, random);
      var set = new BitSet(k);
      order.subList(0, size).forEach(set::set);
      sets.add(set);
      var complement = (BitSet) set.clone();
      complement.flip(0, k);
      sets.add(complement);
    }
    return sets;
  }
}

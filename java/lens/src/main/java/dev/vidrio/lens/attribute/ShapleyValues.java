package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Shapley values of spans (Shapley 1953; Štrumbelj and Kononenko 2014): the mean gain of the metric
 * when a span joins the spans before it, over all orders of the k spans,
 *
 * <pre>{@code φ_i = Σ_{S ∌ i} |S|! (k − |S| − 1)! / k! · (f(S ∪ {i}) − f(S))}</pre>
 *
 * They are the only scores that add up to f(all) − f(none) (efficiency), are equal for spans with
 * equal gains and zero for spans without gain, and are linear in f.
 *
 * @see "docs/lens/answers.md"
 */
public final class ShapleyValues {
  /** Maximum number of spans of the exact computation, which evaluates all sets. */
  public static final int MOST_EXACT = 16;

  private ShapleyValues() {}

  /**
   * Computes the values from all 2^k sets.
   *
   * @throws InvalidInputException if there are more than {@value #MOST_EXACT} spans
   */
  public static AnswerAttribution exact(SpanGame game) {
    int k = game.size();
    Preconditions.requireRange("spans of exact Shapley values", k, 1, MOST_EXACT);
    double[][] values =
        game.values(IntStream.range(0, 1 << k).mapToObj(ShapleyValues::set).toList());
    var scores = new double[game.rows()][k];
    for (int set = 0; set < values.length; set++) {
      double weight = weight(k, Integer.bitCount(set));
      for (int i = 0; i < k; i++) {
        if ((set & (1 << i)) == 0) {
          double[] joined = values[set | (1 << i)];
          for (int row = 0; row < scores.length; row++) {
            scores[row][i] += weight * (joined[row] - values[set][row]);
          }
        }
      }
    }
    return game.complete(scores);
  }

  /** Returns |S|! (k − |S| − 1)! / k!: the portion of orders in which span i follows the set S. */
  private static double weight(int k, int size) {
    double weight = 1.0 / k;
    for (int i = 1; i <= size; i++) {
      weight *= (double) i / (k - i);
    }
    return weight;
  }

  private static BitSet set(int bits) {
    return BitSet.valueOf(new long[] {bits});
  }

  /**
   * Values estimated from orders.
   *
   * @param attribution the mean over orders; each order adds up to f(all) − f(none) exactly, up to
   *     rounding
   * @param halfWidths of the 95 % intervals, [outputs][inputs]; NaN of a single pair of orders
   */
  public record Sampled(AnswerAttribution attribution, List<List<Double>> halfWidths) {
    public Sampled {
      halfWidths = halfWidths.stream().map(List::copyOf).toList();
    }
  }

  /**
   * Estimates the values from random orders, each with its reverse, which lowers the variance
   * (Mitchell et al. 2022, arXiv 2104.12199). An order takes k − 1 evaluations, and all take two
   * more.
   *
   * @param pairs number of pairs of orders
   * @param seed of the orders
   * @throws InvalidInputException if there is no pair
   */
  public static Sampled sampled(SpanGame game, int pairs, long seed) {
    Preconditions.requirePositive("pairs of orders", pairs);
    int k = game.size();
    var random = new Random(seed);
    List<Integer> order = new ArrayList<>(IntStream.range(0, k).boxed().toList());
    var gains = new double[game.rows()][k][pairs];
    for (int pair = 0; pair < pairs; pair++) {
      Collections.shuffle(order, random);
      addGains(game, order, pair, gains);
      addGains(game, order.reversed(), pair, gains);
    }
    var means = new double[game.rows()][k];
    List<List<Double>> halfWidths = new ArrayList<>();
    for (int row = 0; row < means.length; row++) {
      List<Double> widths = new ArrayList<>();
      for (int i = 0; i < k; i++) {
        var estimate = Estimate.of(gains[row][i]);
        means[row][i] = estimate.mean();
        widths.add(estimate.halfWidth());
      }
      halfWidths.add(widths);
    }
    return new Sampled(game.complete(means), halfWidths);
  }

  /** Adds half of the gain of each span in an order. */
  private static void addGains(SpanGame game, List<Integer> order, int pair, double[][][] gains) {
    List<BitSet> sets = new ArrayList<>();
    var present = new BitSet();
    sets.add((BitSet) present.clone());
    for (int i : order) {
      present.set(i);
      sets.add((BitSet) present.clone());
    }
    double[][] values = game.values(sets);
    for (int s = 0; s < order.size(); s++) {
      for (int row = 0; row < gains.length; row++) {
        gains[row][order.get(s)][pair] += (values[s + 1][row] - values[s][row]) / 2;
      }
    }
  }
}

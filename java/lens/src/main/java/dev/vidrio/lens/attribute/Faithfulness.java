package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Is an attribution faithful: do the spans that it ranks first matter most to the model (DeYoung et
 * al. 2020, arXiv 1911.03429)? For the first ⌈q k⌉ of k spans, R_q,
 *
 * <ul>
 *   <li>comprehensiveness, {@code f(x) − f(x \ R_q)}, is what the prediction loses without them:
 *       high if they matter
 *   <li>sufficiency, {@code f(x) − f(R_q)}, is what it loses with them alone: low if they suffice
 * </ul>
 *
 * The area over the perturbation curve (AOPC) is the mean over portions q. f is a probability in
 * the paper; for an answer it is the sum of the game's values. Removed spans make unusual texts, so
 * compare with {@linkplain #random random orders} under the same removal.
 *
 * @param portions q, each above 0 and up to 1
 * @param comprehensiveness at each portion
 * @param sufficiency at each portion
 * @see "docs/lens/answers.md"
 */
public record Faithfulness(
    List<Double> portions, List<Double> comprehensiveness, List<Double> sufficiency) {
  /** The portions of the paper: 1, 5, 10, 20 and 50 %. */
  public static final List<Double> PORTIONS = List.of(0.01, 0.05, 0.1, 0.2, 0.5);

  public Faithfulness {
    portions = List.copyOf(portions);
    comprehensiveness = List.copyOf(comprehensiveness);
    sufficiency = List.copyOf(sufficiency);
  }

  /**
   * Measures the order of scores.
   *
   * @param scores of the spans of the game; of equal ones the first is first
   * @param portions q
   * @throws InvalidInputException if there are not as many scores as spans, or a portion is out of
   *     range
   */
  public static Faithfulness of(SpanGame game, List<Double> scores, List<Double> portions) {
    String limit = "must be those of " + game.size() + " spans";
    Preconditions.require(scores.size() == game.size(), "scores", scores.size(), limit);
    List<Integer> order =
        IntStream.range(0, game.size())
            .boxed()
            .sorted(Comparator.comparingDouble((Integer s) -> -scores.get(s)))
            .toList();
    return of(game, order, portions, game.size());
  }

  /**
   * Checks that there are portions, which are above 0 and up to 1.
   *
   * @throws InvalidInputException if not
   */
  public static void requirePortions(List<Double> portions) {
    Preconditions.require(!portions.isEmpty(), "portions", "", "must not be empty");
    for (double portion : portions) {
      Preconditions.require(
          portion > 0 && portion <= 1, "portion", portion, "must be above 0 and up to 1");
    }
  }

  private static Faithfulness of(SpanGame game, List<Integer> order, List<Double> portions, int k) {
    requirePortions(portions);
    List<BitSet> sets = new ArrayList<>();
    sets.add(game.all());
    for (double portion : portions) {
      var first = new BitSet(k);
      order.subList(0, (int) Math.ceil(portion * k - 1e-9)).forEach(first::set);
      var others = (BitSet) first.clone();
      others.flip(0, k);
      sets.add(others);
      sets.add(first);
    }
    double[] values =
        Arrays.stream(game.values(sets)).mapToDouble(rows -> Arrays.stream(rows).sum()).toArray();
    List<Double> comprehensiveness = new ArrayList<>();
    List<Double> sufficiency = new ArrayList<>();
    for (int q = 0; q < portions.size(); q++) {
      comprehensiveness.add(values[0] - values[2 * q + 1]);
      sufficiency.add(values[0] - values[2 * q + 2]);
    }
    return new Faithfulness(portions, comprehensiveness, sufficiency);
  }

  /**
   * Measures random orders.
   *
   * @param orders their number
   * @param seed of the orders
   * @param portions q
   * @throws InvalidInputException if there is no order, or a portion is out of range
   */
  public static List<Faithfulness> random(
      SpanGame game, int orders, long seed, List<Double> portions) {
    Preconditions.requirePositive("random orders", orders);
    var random = new Random(seed);
    List<Integer> order = new ArrayList<>(IntStream.range(0, game.size()).boxed().toList());
    List<Faithfulness> all = new ArrayList<>();
    for (int i = 0; i < orders; i++) {
      Collections.shuffle(order, random);
      all.add(of(game, order, portions, game.size()));
    }
    return all;
  }

  /** Returns the mean comprehensiveness over the portions. */
  public double comprehensivenessArea() {
    return mean(comprehensiveness);
  }

  /** Returns the mean sufficiency over the portions. */
  public double sufficiencyArea() {
    return mean(sufficiency);
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }

  /**
   * Returns the mean areas of several measurements, such as of random orders or of several texts,
   * with 95 % intervals: comprehensiveness, then sufficiency.
   */
  public static List<Estimate> areas(List<Faithfulness> all) {
    return List.of(
        Estimate.of(all.stream().mapToDouble(Faithfulness::comprehensivenessArea).toArray()),
        Estimate.of(all.stream().mapToDouble(Faithfulness::sufficiencyArea).toArray()));
  }
}

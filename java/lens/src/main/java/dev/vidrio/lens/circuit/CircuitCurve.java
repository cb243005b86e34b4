package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * Measures the scores of edges, components or neurons by the circuits of the strongest ones: the
 * faithfulness of circuits of growing size, and its areas CPR and CMD, as the benchmark MIB does
 * (Mueller et al. 2025, arXiv 2504.13151).
 *
 * <p>A circuit of size p has the {@code ⌊p · n⌋} units of largest magnitude of n, without those
 * that are on no path from the embedding to the logits. Its normalized faithfulness is
 *
 * <pre>{@code
 * f(p) = (F(C) − F(∅)) / (F(M) − F(∅))
 * }</pre>
 *
 * <p>for the mean metric F of the circuit C, of the whole model M and of the empty circuit, with
 * all edges ablated. 0 is no better than the empty circuit, 1 is as the model; more is possible,
 * since a circuit may leave out edges that work against the answer.
 *
 * @param level what the circuits are made of
 * @param units n, the number of scored units
 * @param clean F(M)
 * @param corrupted F(∅)
 * @param points in ascending order of size
 * @see ScoredGraph
 * @see "docs/lens/circuits.md"
 */
public record CircuitCurve(
    CircuitLevel level, int units, double clean, double corrupted, List<Point> points) {
  /** The sizes of MIB: 0.1 % to 100 %. */
  public static final List<Double> SIZES =
      List.of(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0);

  /**
   * The circuit of a size.
   *
   * @param size p, 0 to 1
   * @param units number of strongest units
   * @param edges number of its edges after pruning, each weighted by the share of its neurons
   * @param metric F(C), with its interval over pairs
   * @param faithfulness f(p)
   */
  public record Point(double size, int units, double edges, Estimate metric, double faithfulness) {}

  public CircuitCurve {
    points = List.copyOf(points);
  }

  /**
   * Runs the circuits of all sizes.
   *
   * @param scores of the model's graph
   * @param sizes shares of the units, above 0 to 1, ascending
   * @param progress receives the share of pairs that are done, 0 to 1
   * @throws InvalidInputException if a size is out of range or order, there are no scores of the
   *     level, or the metric of the empty circuit is that of the model
   */
  public static CircuitCurve of(
      CircuitRuns runs,
      ScoredGraph scores,
      CircuitLevel level,
      List<Double> sizes,
      DoubleConsumer progress) {
    checkSizes(sizes);
    int units = scores.count(level);
    List<ScoredGraph.Selection> selections =
        sizes.stream().map(size -> scores.top(level, (int) (size * units))).toList();
    double[][] values =
        runs.values(selections.stream().map(ScoredGraph.Selection::masks).toList(), progress);
    double difference = runs.clean() - runs.corrupted();
    Preconditions.require(
        difference != 0, "corrupted text", "", "has the same metric as the clean text");
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      Estimate metric = Estimate.of(values[i]);
      double faithfulness = (metric.mean() - runs.corrupted()) / difference;
      ScoredGraph.Selection selection = selections.get(i);
      points.add(
          new Point(sizes.get(i), selection.units(), selection.edges(), metric, faithfulness));
    }
    return new CircuitCurve(level, units, runs.clean(), runs.corrupted(), points);
  }

  /**
   * Checks sizes before anything runs, and returns them.
   *
   * @throws InvalidInputException if there is none, or they do not ascend from above 0 to at most 1
   */
  public static List<Double> checkSizes(List<Double> sizes) {
    Preconditions.require(!sizes.isEmpty(), "sizes", "", "must be at least 1");
    double before = 0;
    for (double size : sizes) {
      Preconditions.require(
          size > before && size <= 1, "sizes", size, "must ascend from above 0 to at most 1");
      before = size;
    }
    return sizes;
  }

  /**
   * Returns CPR, the circuit performance ratio: the area under the faithfulness over sizes, by
   * trapezoids. Higher is better.
   */
  public double cpr() {
    double area = 0;
    for (int i = 1; i < points.size(); i++) {
      Point a = points.get(i - 1);
      Point b = points.get(i);
      area += (b.size - a.size) * (a.faithfulness + b.faithfulness) / 2;
    }
    return area;
  }

  /**
   * Returns CMD, the circuit-model distance: the area between the faithfulness and 1, by
   * trapezoids. 0 is best.
   */
  public double cmd() {
    double area = 0;
    for (int i = 1; i < points.size(); i++) {
      Point a = points.get(i - 1);
      Point b = points.get(i);
      double distance = Math.abs(1 - a.faithfulness) + Math.abs(1 - b.faithfulness);
      area += (b.size - a.size) * distance / 2;
    }
    return area;
  }
}

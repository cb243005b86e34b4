package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * Runs circuits on pairs of texts, and returns means of each pair's metric.
 *
 * <p>Not thread-safe.
 *
 * @see CircuitRun
 */
public final class CircuitRuns implements AutoCloseable {
  private final List<Judged> runs;

  /** A pair's run and metric. */
  private record Judged(CircuitRun run, Metric metric) {}

  private CircuitRuns(List<Judged> runs) {
    this.runs = List.copyOf(runs);
  }

  /**
   * Opens the runs of all pairs.
   *
   * @throws InvalidInputException if there is no pair, the model does not support a text, or the
   *     output of its attention is not a sum of heads
   */
  public static CircuitRuns open(Lens lens, List<TextPair> pairs) {
    TextPair.requireFit(lens.model(), pairs);
    List<Judged> opened = new ArrayList<>();
    try {
      for (TextPair pair : pairs) {
        Metric metric = pair.forwardMetric();
        var run = CircuitRun.open(lens, pair.clean(), pair.corrupted(), metric.positions());
        opened.add(new Judged(run, metric));
      }
    } catch (Throwable e) {
      opened.forEach(judged -> judged.run.close());
      throw e;
    }
    return new CircuitRuns(opened);
  }

  /** Wraps the runs of one pair; closing this closes them. */
  public static CircuitRuns of(CircuitRun run, Metric metric) {
    return new CircuitRuns(List.of(new Judged(run, metric)));
  }

  /** Returns the graph of the model. */
  public ComponentGraph graph() {
    return runs.getFirst().run.graph();
  }

  /** Returns the metric of the clean runs. */
  public double clean() {
    return mean(judged -> judged.run.clean(judged.metric));
  }

  /** Returns the metric of the corrupted runs. */
  public double corrupted() {
    return mean(judged -> judged.run.corrupted(judged.metric));
  }

  /**
   * Returns the metric of a circuit.
   *
   * @throws InvalidInputException if an edge is not in the graph of the model
   */
  public double run(Circuit circuit) {
    return run(new EdgeMask(graph(), circuit));
  }

  double run(EdgeMask circuit) {
    return mean(judged -> judged.run.run(circuit, judged.metric));
  }

  private double mean(ToDoubleFunction<Judged> number) {
    return runs.stream().mapToDouble(number).sum() / runs.size();
  }

  @Override
  public void close() {
    runs.forEach(judged -> judged.run.close());
  }
}

package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What a circuit does to pairs of texts: a metric of each pair's {@link CircuitRun}, the mean over
 * them.
 *
 * <p>Not thread-safe.
 */
public final class CircuitRuns implements AutoCloseable {
  private final List<Judged> runs;

  /** A pair's runs, and the number that they are judged by. */
  private record Judged(CircuitRun run, Metric metric) {}

  private CircuitRuns(List<Judged> runs) {
    this.runs = List.copyOf(runs);
  }

  /**
   * Opens the runs of all pairs.
   *
   * @throws InvalidInputException when there is no pair, the model cannot take a text, or what its
   *     attention writes is no sum of heads
   */
  public static CircuitRuns open(Lens lens, List<TextPair> pairs) {
    TextPair.requireFit(lens.model(), pairs);
    List<Judged> opened = new ArrayList<>();
    try {
      for (TextPair pair : pairs) {
        var run = CircuitRun.open(lens, pair.clean(), pair.corrupted());
        opened.add(new Judged(run, pair.metric()));
      }
    } catch (Throwable e) {
      opened.forEach(judged -> judged.run.close());
      throw e;
    }
    return new CircuitRuns(opened);
  }

  /** One pair's runs; closing this closes them. */
  public static CircuitRuns of(CircuitRun run, Metric metric) {
    return new CircuitRuns(List.of(new Judged(run, metric)));
  }

  /** The graph of the model. */
  public ComponentGraph graph() {
    return runs.getFirst().run.graph();
  }

  /** The metric of the clean runs. */
  public double clean() {
    return mean(judged -> judged.run.clean(judged.metric));
  }

  /** The metric of the corrupted runs. */
  public double corrupted() {
    return mean(judged -> judged.run.corrupted(judged.metric));
  }

  /**
   * The metric of a circuit.
   *
   * @throws InvalidInputException when the model has not all its edges
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

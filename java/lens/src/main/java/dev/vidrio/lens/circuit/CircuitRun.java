package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Runs circuits: the model reads the clean text, and the input of each component is {@code Σ_A
 * f^A}, where the output f^A of a component is that of this run on edges of the circuit, and that
 * of the corrupted run on all others (equation 16 of the primer; Conmy et al. 2023, arXiv
 * 2304.14997). The queries, keys, values and gates of each head have separate inputs; all parts use
 * the weights and operations that serve.
 *
 * <p>The whole graph gives the bits of the clean run, the empty circuit those of the corrupted one.
 * Inputs are computed by the smaller number of additions: from the current residual stream minus
 * the edges outside the circuit, or from the corrupted run's stream plus the edges inside. If a
 * norm is between attention and the residual stream, a head's output is divided by the divisor of
 * its own run. Tokens before the first difference of the texts run once.
 *
 * <p>Not thread-safe.
 *
 * @see ComponentGraph
 * @see CircuitRuns
 * @see "docs/lens/circuits.md"
 */
public final class CircuitRun implements AutoCloseable {
  private final TextPair pair;
  private final int positions;
  private final ComponentGraph graph;
  private final CircuitBatch runs;
  private final CircuitBatch.Recording recording;

  /**
   * Opens a run and runs both texts.
   *
   * @param clean tokens
   * @param corrupted as many other tokens
   * @throws InvalidInputException if the texts differ in length, the model does not support them,
   *     or the output of its attention is not a sum of heads
   */
  public static CircuitRun open(Lens lens, int[] clean, int[] corrupted) {
    return open(lens, clean, corrupted, 1);
  }

  /**
   * Opens a run for metrics that read several positions, and runs both texts.
   *
   * @param positions the {@link Metric#positions} of all metrics of this run
   * @throws InvalidInputException also if the texts have fewer tokens
   */
  public static CircuitRun open(Lens lens, int[] clean, int[] corrupted, int positions) {
    Preconditions.requireEqualLength(clean, corrupted);
    Preconditions.requireTokens(lens.model(), clean);
    Preconditions.requireRange("positions", positions, 1, clean.length);
    return new CircuitRun(lens, new TextPair(clean, corrupted, new Any(positions)), positions);
  }

  /** The metric of a pair with runs that are measured by other metrics. */
  private record Any(int positions) implements Metric {
    @Override
    public double of(MemorySegment logits) {
      return 0;
    }
  }

  private CircuitRun(Lens lens, TextPair pair, int positions) {
    this.pair = pair;
    this.positions = positions;
    this.graph = ComponentGraph.of(lens);
    List<PairBatch> batches = PairBatch.of(List.of(pair), true);
    this.runs = new CircuitBatch(lens, graph, batches, null);
    try {
      this.recording = runs.record(batches.getFirst(), null);
    } catch (Throwable e) {
      runs.close();
      throw e;
    }
  }

  /** Returns the graph of the model. */
  public ComponentGraph graph() {
    return graph;
  }

  /** Returns the clean text. */
  public int[] tokens() {
    return pair.clean();
  }

  /** Returns the metric of the clean run. */
  public double clean(Metric metric) {
    require(metric);
    return metric.of(MemorySegment.ofArray(recording.cleanLogits[0]));
  }

  /** Returns the metric of the corrupted run. */
  public double corrupted(Metric metric) {
    require(metric);
    return metric.of(MemorySegment.ofArray(recording.corruptedLogits[0]));
  }

  /**
   * Runs a circuit and returns its metric.
   *
   * @throws InvalidInputException if an edge is not in the graph of the model
   */
  public double run(Circuit circuit, Metric metric) {
    return run(new EdgeMask(graph, circuit), metric);
  }

  private void require(Metric metric) {
    String limit = "the run was opened for metrics of " + positions;
    Preconditions.require(
        metric.positions() == positions, "positions of the metric", metric.positions(), limit);
  }

  double run(EdgeMask circuit, Metric metric) {
    require(metric);
    return runs.run(recording, circuit, null, List.of(metric))[0];
  }

  @Override
  public void close() {
    runs.close();
  }
}

package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.intervene.ConstantTraining;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs circuits on pairs of texts, and returns means of each pair's metric. Pairs run in batches.
 * Memory depends on the length of texts, not on their number: if the runs of all pairs exceed a
 * limit, they are repeated for each evaluation, which then costs three times as much, unless
 * several circuits are evaluated together. The metrics without a circuit are then measured by the
 * first evaluation, or when they are asked for before one.
 *
 * <p>Not thread-safe.
 *
 * @see CircuitRun
 * @see CircuitCurve
 */
public final class CircuitRuns implements AutoCloseable {
  /** Maximum bytes of runs that are kept between evaluations. */
  private static final long KEPT_BYTES = 256L << 20;

  private final @Nullable CircuitRun single;
  private final @Nullable Metric metric;
  private final ComponentGraph graph;
  private final List<PairBatch> batches;
  private final @Nullable CircuitBatch runs;

  /** The runs of all batches, or none if they are repeated. */
  private final List<CircuitBatch.Recording> kept = new ArrayList<>();

  /** The lens and the training of constants for each circuit, or null. */
  private final @Nullable Lens lens;

  private final OptimalAblation.@Nullable Training training;

  /** A recording that the next one overwrites, or null. */
  private CircuitBatch.@Nullable Recording spare;

  private final double[] clean;
  private final double[] corrupted;
  private final boolean patch;

  /** True if the metrics of the clean runs and of the empty circuit are known. */
  private boolean measured;

  private CircuitRuns(Lens lens, List<TextPair> pairs, CircuitAblation ablation) {
    this.single = null;
    this.metric = null;
    this.graph = ComponentGraph.of(lens);
    this.measured = false;
    this.patch = ablation == CircuitAblation.PATCH;
    this.batches = PairBatch.of(pairs, patch);
    float[][] constants = patch ? null : CircuitBatch.constants(lens, graph, pairs, ablation);
    this.runs = new CircuitBatch(lens, graph, batches, constants);
    this.clean = new double[pairs.size()];
    this.corrupted = new double[pairs.size()];
    this.lens = lens;
    try {
      if (batches.size() * runs.bytes() <= KEPT_BYTES) {
        for (PairBatch batch : batches) {
          kept.add(runs.record(batch, null));
        }
      }
      this.training =
          ablation == CircuitAblation.OPTIMAL
              ? new OptimalAblation.Training(lens, graph, pairs, ConstantTraining.DEFAULT)
              : null;
    } catch (Throwable e) {
      runs.close();
      throw e;
    }
    if (training != null) {
      try {
        measure();
        double[] low = optimal(lens, training, new EdgeMask(graph));
        System.arraycopy(low, 0, corrupted, 0, low.length);
      } catch (Throwable e) {
        close();
        throw e;
      }
    }
  }

  private CircuitRuns(CircuitRun run, Metric metric) {
    this.single = run;
    this.metric = metric;
    this.graph = run.graph();
    this.patch = true;
    this.measured = true;
    this.batches = List.of();
    this.runs = null;
    this.lens = null;
    this.training = null;
    this.clean = new double[] {run.clean(metric)};
    this.corrupted = new double[] {run.corrupted(metric)};
  }

  /**
   * Opens the runs of all pairs, with the values of corrupted runs on edges outside of circuits.
   *
   * @throws InvalidInputException if there is no pair, the model does not support a text, or the
   *     output of its attention is not a sum of heads
   */
  public static CircuitRuns open(Lens lens, List<TextPair> pairs) {
    return open(lens, pairs, CircuitAblation.PATCH);
  }

  /**
   * Opens the runs of all pairs.
   *
   * @param ablation what edges outside of circuits carry
   * @throws InvalidInputException if there is no pair, the model does not support a text, or the
   *     output of its attention is not a sum of heads
   */
  public static CircuitRuns open(Lens lens, List<TextPair> pairs, CircuitAblation ablation) {
    TextPair.requireFit(lens.model(), pairs);
    return new CircuitRuns(lens, pairs, ablation);
  }

  /** Wraps the runs of one pair; closing this closes them. */
  public static CircuitRuns of(CircuitRun run, Metric metric) {
    return new CircuitRuns(run, metric);
  }

  /** Returns the graph of the model. */
  public ComponentGraph graph() {
    return graph;
  }

  /** Returns the number of pairs. */
  public int size() {
    return clean.length;
  }

  /** Returns the metric of the clean runs. */
  public double clean() {
    return mean(cleanValues());
  }

  /** Returns the metric of each pair's clean run. */
  public double[] cleanValues() {
    measure();
    return clean.clone();
  }

  /** Returns the metric of the empty circuit: of the corrupted runs, unless edges are ablated. */
  public double corrupted() {
    return mean(corruptedValues());
  }

  /** Returns the metric of each pair's empty circuit. */
  public double[] corruptedValues() {
    measure();
    return corrupted.clone();
  }

  /**
   * Returns the metric of a circuit.
   *
   * @throws InvalidInputException if an edge is not in the graph of the model
   */
  public double run(Circuit circuit) {
    return run(new EdgeMask(graph, circuit));
  }

  /**
   * Returns the metric of each pair for several circuits, [circuits][pairs], which need the runs of
   * each batch once.
   *
   * @throws InvalidInputException if an edge is not in the graph of the model
   */
  public double[][] runAll(List<Circuit> circuits) {
    List<Masks> masks =
        circuits.stream().map(circuit -> new Masks(new EdgeMask(graph, circuit), null)).toList();
    return values(masks, share -> {});
  }

  double run(EdgeMask circuit) {
    return mean(values(List.of(new Masks(circuit, null)), share -> {})[0]);
  }

  /**
   * A circuit: its edges, and the elements of each source's output that they carry, null for all.
   */
  static final class Masks {
    final EdgeMask edges;
    final BitSet @Nullable [] elements;

    Masks(EdgeMask edges, BitSet @Nullable [] elements) {
      this.edges = edges;
      this.elements = elements;
    }
  }

  /** Returns the metric of each pair for each circuit, [circuits][pairs]. */
  double[][] values(List<Masks> circuits, DoubleConsumer progress) {
    var values = new double[circuits.size()][size()];
    if (runs == null) {
      for (int c = 0; c < values.length; c++) {
        values[c][0] = value(circuits.get(c).edges);
      }
      return values;
    }
    if (training != null && lens != null && !circuits.isEmpty()) {
      for (int c = 0; c < values.length; c++) {
        Masks circuit = circuits.get(c);
        Preconditions.require(
            circuit.elements == null,
            "ablation",
            "optimal",
            "must be patch, mean or zero of neurons");
        values[c] = optimal(lens, training, circuit.edges);
        progress.accept((c + 1.0) / values.length);
      }
      return values;
    }
    int pair = 0;
    for (int b = 0; b < batches.size(); b++) {
      PairBatch batch = batches.get(b);
      CircuitBatch.Recording recording = kept.isEmpty() ? record(batch) : kept.get(b);
      if (!measured) {
        measure(recording, batch, pair);
      }
      for (int c = 0; c < values.length; c++) {
        Masks circuit = circuits.get(c);
        double[] of = runs.run(recording, circuit.edges, circuit.elements, batch.metrics());
        System.arraycopy(of, 0, values[c], pair, of.length);
      }
      pair += batch.size();
      progress.accept(pair / (double) size());
    }
    measured = true;
    return values;
  }

  /** Returns the metric of each pair of a circuit with constants of its own. */
  private double[] optimal(Lens of, OptimalAblation.Training trained, EdgeMask circuit) {
    float[][] constants = trained.run(circuit).bySource(graph);
    var values = new double[size()];
    try (var own = new CircuitBatch(of, graph, batches, constants)) {
      CircuitBatch.Recording recording = null;
      int pair = 0;
      for (PairBatch batch : batches) {
        recording = own.record(batch, recording);
        double[] some = own.run(recording, circuit, null, batch.metrics());
        System.arraycopy(some, 0, values, pair, some.length);
        pair += some.length;
      }
    }
    return values;
  }

  /** Measures the runs without a circuit, unless that has been done. */
  private void measure() {
    if (!measured) {
      values(List.of(), share -> {});
    }
  }

  private void measure(CircuitBatch.Recording recording, PairBatch batch, int pair) {
    double[] high = CircuitBatch.metrics(batch, recording.cleanLogits);
    double[] low =
        patch
            ? CircuitBatch.metrics(batch, recording.corruptedLogits)
            : runs().run(recording, new EdgeMask(graph), null, batch.metrics());
    System.arraycopy(high, 0, clean, pair, high.length);
    System.arraycopy(low, 0, corrupted, pair, low.length);
  }

  private CircuitBatch runs() {
    return Objects.requireNonNull(runs);
  }

  private CircuitBatch.Recording record(PairBatch batch) {
    CircuitBatch.Recording recording = runs().record(batch, spare);
    spare = recording;
    return recording;
  }

  private double value(EdgeMask circuit) {
    if (single == null || metric == null) {
      throw new IllegalStateException("no runs");
    }
    return single.run(circuit, metric);
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).sum() / values.length;
  }

  @Override
  public void close() {
    if (training != null) {
      training.close();
    }
    if (runs != null) {
      runs.close();
    }
    if (single != null) {
      single.close();
    }
  }
}

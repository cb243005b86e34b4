package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.intervene.ConstantTraining;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Optimal ablation (Li and Janson 2024, arXiv 2409.09951): which constants should ablated edges
 * carry, so that only information is lost? Zeros and means take the model to activations that it
 * never sees, which costs more than the missing information does. The optimal constants of a
 * circuit C, one vector a_A for each component A, minimize the loss of the circuit:
 *
 * <pre>{@code
 * a* = argmin_a E KL(model ‖ model with a_A instead of f_A on edges outside of C)
 * }</pre>
 *
 * <p>for the prediction of the next token. Training begins at the means over all tokens of the
 * clean texts, or the constants of the circuit before, and follows the exact gradient by Adam, with
 * a rate that falls linearly to 0; constants that are worse than those at the beginning are not
 * used. There should be many texts: over one, constants could carry its prediction.
 *
 * @param constants of each component, [d], in the order of the model
 * @param first the divergence with means, of the first batch of texts, in nats
 * @param last the divergence with the constants
 * @see CircuitAblation#OPTIMAL
 * @see "docs/lens/circuits.md"
 */
public record OptimalAblation(Map<Node.Source, float[]> constants, double first, double last) {
  public OptimalAblation {
    constants = Collections.unmodifiableMap(new LinkedHashMap<>(constants));
  }

  /**
   * Trains the constants of a circuit. Memory depends on the length of texts, not on their number.
   *
   * @param pairs the clean texts are used; metrics have no influence
   * @param circuit the edges that are not ablated
   * @throws InvalidInputException if there is no pair, the model does not support a text, or an
   *     edge is not in its graph
   */
  public static OptimalAblation of(
      Lens lens, List<TextPair> pairs, Circuit circuit, ConstantTraining options) {
    TextPair.requireFit(lens.model(), pairs);
    ComponentGraph graph = ComponentGraph.of(lens);
    var kept = new EdgeMask(graph, circuit);
    try (var training = new Training(lens, graph, pairs, options)) {
      return training.run(kept);
    }
  }

  /** Returns the constants in the order of a graph's sources. */
  float[][] bySource(ComponentGraph graph) {
    return graph.sources().stream()
        .map(source -> Objects.requireNonNull(constants.get(source)))
        .toArray(float[][]::new);
  }

  /** Trains the constants of several circuits. */
  static final class Training implements AutoCloseable {
    private final ComponentGraph graph;
    private final ConstantTraining options;
    private final List<PairBatch> batches;
    private final float[][] means;
    private final Streams streams;
    private final CircuitBatch clean;
    private final MaskedRuns runs;

    /** The constants of the last circuit, or null. */
    private float @Nullable [][] last;

    /** Prepares runs of the clean texts. */
    Training(Lens lens, ComponentGraph graph, List<TextPair> pairs, ConstantTraining options) {
      this.graph = graph;
      this.options = options;
      this.batches = PairBatch.of(pairs, false);
      this.means = CircuitBatch.constants(lens, graph, pairs, CircuitAblation.MEAN);
      this.clean = new CircuitBatch(lens, graph, batches, means);
      try {
        this.streams = new Streams(graph, clean, batches);
        this.runs = new MaskedRuns(lens, graph, batches);
      } catch (Throwable e) {
        clean.close();
        throw e;
      }
    }

    /**
     * Trains the constants of a circuit, from the means or, if they have a smaller loss, from the
     * constants of the last circuit.
     */
    OptimalAblation run(EdgeMask circuit) {
      float[][] coefficients = coefficients(circuit);
      PairBatch batch = batches.getFirst();
      double first = loss(batch, means, coefficients);
      float[][] start = means;
      double least = first;
      if (last != null) {
        double loss = loss(batch, last, coefficients);
        start = loss < first ? last : means;
        least = Math.min(loss, first);
      }
      float[][] trained = train(start, coefficients);
      double loss = loss(batch, trained, coefficients);
      float[][] best = loss < least ? trained : start;
      last = best;
      Map<Node.Source, float[]> bySource = new LinkedHashMap<>();
      for (int s = 0; s < best.length; s++) {
        bySource.put(graph.sources().get(s), best[s].clone());
      }
      return new OptimalAblation(bySource, first, Math.min(loss, least));
    }

    private float[][] train(float[][] start, float[][] coefficients) {
      var constants = new Constants(streams, start, options);
      for (int step = 1; step <= options.steps(); step++) {
        PairBatch batch = batches.get((step - 1) % batches.size());
        var _ = loss(batch, constants.values, coefficients);
        constants.step(step, runs, batch.size());
      }
      return constants.values;
    }

    /** Returns the mean divergence of a batch. */
    private double loss(PairBatch batch, float[][] constants, float[][] coefficients) {
      CircuitBatch.Ablated recording = streams.record(clean, batch, constants);
      double[] values = runs.run(recording, coefficients, divergences(recording));
      return Arrays.stream(values).average().orElseThrow();
    }

    /** Returns 1 for each edge of a circuit and 0 for others, by destination and source. */
    private float[][] coefficients(EdgeMask circuit) {
      var coefficients = new float[graph.destinations().size()][];
      for (int i = 0; i < coefficients.length; i++) {
        Node.Destination destination = graph.destinations().get(i);
        coefficients[i] = new float[graph.inputCount(destination)];
        for (int s : circuit.inputsOf(destination).stream().toArray()) {
          coefficients[i][s] = 1;
        }
      }
      return coefficients;
    }

    @Override
    public void close() {
      runs.close();
      clean.close();
    }
  }

  /** Constants in training. */
  static final class Constants {
    private final Streams streams;
    private final ConstantTraining options;
    private final Adam adam;

    /** The constant of each source, [d]. */
    private final float[][] values;

    private Constants(Streams streams, float[][] start, ConstantTraining options) {
      this.streams = streams;
      this.options = options;
      this.values = Vectors.copy(start);
      this.adam = new Adam(values);
    }

    /**
     * Prepares training from means.
     *
     * @param clean runs of clean texts
     * @param batches all batches
     * @param steps number of steps
     */
    Constants(
        ComponentGraph graph,
        CircuitBatch clean,
        List<PairBatch> batches,
        float[][] means,
        int steps) {
      this(new Streams(graph, clean, batches), means, ConstantTraining.DEFAULT.withSteps(steps));
    }

    /** Runs the clean texts of a batch with the constants on ablated edges. */
    CircuitBatch.Ablated record(CircuitBatch clean, PairBatch batch) {
      return streams.record(clean, batch, values);
    }

    /**
     * Follows the gradients of the last run.
     *
     * @param step number of steps, including this one
     * @param texts number of texts of the run
     */
    void step(int step, MaskedRuns runs, int texts) {
      var sums = new double[values.length][values[0].length];
      runs.addConstants(sums);
      for (int s = 0; s < values.length; s++) {
        var gradient = new float[sums[s].length];
        for (int j = 0; j < gradient.length; j++) {
          gradient[j] = (float) (sums[s][j] / texts);
        }
        double rate = options.rate(step, streams.sizes[s]);
        adam.step(step, rate, s, values[s], gradient);
      }
    }
  }

  /** Returns the divergence of each pair of a batch from its clean run. */
  static List<DifferentiableMetric> divergences(CircuitBatch.Ablated recording) {
    int[] reads = recording.batch.logits();
    List<DifferentiableMetric> metrics = new ArrayList<>();
    for (int i = 0; i < reads.length; i++) {
      metrics.add(Metric.divergence(recording.cleanLogits[i], reads[i]));
    }
    return metrics;
  }

  /** The residual streams if all components write constants. */
  private static final class Streams {
    /** The number of sources before each stream, and the part of it that belongs to no source. */
    private final int[] counts;

    private final float[] @Nullable [] rests;

    /** The outputs and streams of a batch, [rows, d], which the next one overwrites. */
    private final float[][] outputs;

    private final float[][] streams;

    /** The root mean square of each source's output. */
    private final double[] sizes;

    Streams(ComponentGraph graph, CircuitBatch runs, List<PairBatch> batches) {
      PairBatch batch = batches.getFirst();
      int rows = PairBatch.mostRows(batches);
      CircuitBatch.Recording recording = runs.record(batch, null);
      int d = graph.width();
      this.counts = new int[recording.cleanStreams.length];
      this.rests = new float[counts.length][];
      for (Node.Destination destination : graph.destinations()) {
        int place = runs.place(destination);
        counts[place] = graph.inputCount(destination);
        if (rests[place] == null) {
          float[] rest = Arrays.copyOf(recording.cleanStreams[place], d);
          for (int s = 0; s < counts[place]; s++) {
            for (int j = 0; j < d; j++) {
              rest[j] -= recording.clean[s][j];
            }
          }
          rests[place] = rest;
        }
      }
      this.sizes = new double[recording.clean.length];
      Arrays.setAll(sizes, s -> size(recording.clean[s], batch.rowCount() * d));
      this.outputs = new float[sizes.length][rows * d];
      this.streams = new float[counts.length][];
      Arrays.setAll(streams, place -> new float[rests[place] == null ? 0 : rows * d]);
    }

    private static double size(float[] values, int count) {
      double squares = 0;
      for (int i = 0; i < count; i++) {
        squares += (double) values[i] * values[i];
      }
      return Math.sqrt(squares / count);
    }

    /**
     * Runs the clean texts of a batch with constants on ablated edges.
     *
     * @return valid until the next run
     */
    CircuitBatch.Ablated record(CircuitBatch runs, PairBatch batch, float[][] constants) {
      int rows = batch.rowCount();
      EdgeScorer.repeat(constants, rows, outputs);
      for (int place = 0; place < counts.length; place++) {
        float[] rest = rests[place];
        if (rest != null) {
          float[] sum = rest.clone();
          for (int s = 0; s < counts[place]; s++) {
            for (int j = 0; j < sum.length; j++) {
              sum[j] += constants[s][j];
            }
          }
          for (int row = 0; row < rows; row++) {
            System.arraycopy(sum, 0, streams[place], row * sum.length, sum.length);
          }
        }
      }
      return runs.recordClean(batch, outputs, streams);
    }
  }
}

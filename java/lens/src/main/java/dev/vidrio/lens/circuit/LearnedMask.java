package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.PairMeasure;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Edge pruning (Bhaskar et al. 2024, arXiv 2406.16778): a gate on each edge, or on each component,
 * learned by gradient so that few edges carry the model's prediction. Which circuit of a given size
 * works best as a whole? Scores of single edges do not tell, since edges replace and cancel each
 * other.
 *
 * <p>A gate z between 0 and 1 is a random variable with a parameter θ, of one of the distributions
 * of {@link MaskGates}: hard concrete, as in edge pruning, or that of uniform gradient sampling,
 * UGS (Li and Janson 2024, arXiv 2409.09951). An edge carries {@code z f + (1 − z) a} of the output
 * f of its source and the ablated one a. Each step draws all gates, runs a batch of clean texts,
 * and follows the gradients, by Adam, of
 *
 * <pre>{@code
 * KL(model ‖ gated model) + λ₁ (k − t) + λ₂ (k − t)²,   k = mean probability that a gate is open
 * }</pre>
 *
 * <p>where the divergence is that of the next token's prediction, the mean over texts. The share t
 * of open gates falls from 1 to the given one over the first five sixths of the steps; the
 * multipliers λ grow with the distance from it, so that k ends near t. (UGS has a constant λ₁ in
 * the paper; its size decides how many edges are left.) The gradients with respect to gates are
 * exact: queries, keys, values and gates of each head, and each feed-forward block, read a sum of
 * their own.
 *
 * <p>With {@link CircuitAblation#OPTIMAL}, the constants that ablated edges carry are trained
 * together with the gates, from the means of the clean texts ({@link OptimalAblation}).
 *
 * @param clean metric of the clean texts
 * @param corrupted metric of the corrupted texts
 * @param divergence the mean of KL(model ‖ gated model) over the last batches, one for each, in
 *     nats
 * @param kept k after training
 * @param scores the probability that the gate of each edge or component is open
 * @see MaskGates
 * @see EdgeScoring
 * @see "docs/lens/circuits.md"
 */
public record LearnedMask(
    double clean, double corrupted, double divergence, double kept, ScoredGraph scores) {
  /** The learning rate of the multipliers. */
  private static final double MULTIPLIER_RATE = 3;

  /** The share of steps in which the target falls. */
  private static final double RAMP = 5.0 / 6;

  /** The distance of u from 0 and 1. */
  private static final double EPSILON = 1e-6;

  /** Minimum draws of gates of a pass over all texts, if each text has gates of its own. */
  private static final int DRAWS = 16;

  /** Maximum bytes of runs that are kept between steps. */
  private static final long KEPT_BYTES = 256L << 20;

  /**
   * Options of the training.
   *
   * @param gates the distribution of gates
   * @param level what has gates: edges or components
   * @param ablation what edges with closed gates carry
   * @param keep the share of open gates at the end, t
   * @param steps number of steps, each with a batch of texts
   * @param rate learning rate of the parameters
   * @param seed of the gates
   */
  public record Options(
      MaskGates gates,
      CircuitLevel level,
      CircuitAblation ablation,
      double keep,
      int steps,
      double rate,
      long seed) {
    /** Hard-concrete gates on edges; 5 % of them stay open after 200 steps. */
    public static final Options DEFAULT =
        new Options(
            MaskGates.HARD_CONCRETE, CircuitLevel.EDGE, CircuitAblation.PATCH, 0.05, 200, 0.1, 0);

    /** Rejects values out of range. */
    public Options {
      Preconditions.require(
          level != CircuitLevel.NEURON, "level", level.label(), "must be edge or node for masks");
      Preconditions.require(keep > 0 && keep < 1, "keep", keep, "must be above 0 and below 1");
      Preconditions.requirePositive("steps", steps);
      Preconditions.require(
          rate > 0 && Double.isFinite(rate), "learning rate", rate, "must be positive");
    }

    /** Returns options with another distribution of gates. */
    public Options withGates(MaskGates newGates) {
      return new Options(newGates, level, ablation, keep, steps, rate, seed);
    }

    /** Returns options for other units. */
    public Options withLevel(CircuitLevel newLevel) {
      return new Options(gates, newLevel, ablation, keep, steps, rate, seed);
    }

    /** Returns options with another ablation. */
    public Options withAblation(CircuitAblation newAblation) {
      return new Options(gates, level, newAblation, keep, steps, rate, seed);
    }

    /** Returns options with another number of steps. */
    public Options withSteps(int newSteps) {
      return new Options(gates, level, ablation, keep, newSteps, rate, seed);
    }
  }

  /**
   * Learns gates. Memory depends on the length of texts, not on their number.
   *
   * @param pairs texts; their metrics have no influence on the gates
   * @param progress receives the share of the steps that are done, 0 to 1
   * @throws InvalidInputException if there is no pair, or the model does not support a text
   */
  public static LearnedMask of(
      Lens lens, List<TextPair> pairs, Options options, DoubleConsumer progress) {
    TextPair.requireFit(lens.model(), pairs);
    return new Training(ComponentGraph.of(lens), options).run(lens, pairs, progress);
  }

  /** Drawn gates, and the factors of their gradients in those of θ. */
  private static final class Draw {
    final float[][] gates;
    final double[][] slopes;

    Draw(float[][] parameters) {
      gates = Arrays.stream(parameters).map(row -> new float[row.length]).toArray(float[][]::new);
      slopes =
          Arrays.stream(parameters).map(row -> new double[row.length]).toArray(double[][]::new);
    }
  }

  /** The gates and their training. */
  private static final class Training {
    private final ComponentGraph graph;
    private final Options options;
    private final SplitMix64 random;
    private final List<Node.Destination> destinations;
    private final int[] inputs;
    private final int sources;

    /** θ of each edge, [destination][source], or of all components, [1][source]. */
    private final float[][] parameters;

    private final Adam adam;

    /** The gates of a step, one for all texts or one for each. */
    private final List<Draw> gates = new ArrayList<>();

    private final int count;
    private double first;
    private double second;

    Training(ComponentGraph graph, Options options) {
      this.graph = graph;
      this.options = options;
      this.random = new SplitMix64(options.seed);
      this.destinations = graph.destinations();
      this.inputs = destinations.stream().mapToInt(graph::inputCount).toArray();
      this.sources = graph.sources().size();
      boolean edges = options.level == CircuitLevel.EDGE;
      this.parameters = new float[edges ? inputs.length : 1][];
      for (int i = 0; i < parameters.length; i++) {
        parameters[i] = new float[edges ? inputs[i] : sources];
        Arrays.fill(parameters[i], (float) options.gates.start());
      }
      this.adam = new Adam(parameters);
      this.count = Arrays.stream(parameters).mapToInt(row -> row.length).sum();
    }

    LearnedMask run(Lens lens, List<TextPair> pairs, DoubleConsumer progress) {
      boolean patch = options.ablation == CircuitAblation.PATCH;
      List<PairBatch> batches = PairBatch.of(drawn(pairs), patch);
      float[][] constants =
          patch ? null : CircuitBatch.constants(lens, graph, pairs, options.ablation);
      var losses = new double[Math.min(options.steps, batches.size())];
      try (var clean = new CircuitBatch(lens, graph, batches, constants);
          var runs = new MaskedRuns(lens, graph, batches, options.gates.perText())) {
        var trained =
            constants != null && options.ablation == CircuitAblation.OPTIMAL
                ? new OptimalAblation.Constants(graph, clean, batches, constants, options.steps)
                : null;
        boolean keep = trained == null && batches.size() * clean.bytes() <= KEPT_BYTES;
        var kept = new CircuitBatch.@Nullable Ablated[batches.size()];
        for (int step = 1; step <= options.steps; step++) {
          int b = (step - 1) % kept.length;
          CircuitBatch.Ablated recording = kept[b];
          if (recording == null) {
            recording =
                trained == null
                    ? clean.recordAblated(batches.get(b), keep)
                    : trained.record(clean, batches.get(b));
          }
          kept[b] = keep ? recording : null;
          losses[step % losses.length] = step(step, runs, recording);
          if (trained != null) {
            trained.step(step, runs, batches.get(b).size());
          }
          progress.accept(step / (double) options.steps);
        }
      }
      PairMeasure measure = PairMeasure.of(lens, pairs);
      return new LearnedMask(
          measure.cleanMean().mean(),
          measure.corruptedMean().mean(),
          Arrays.stream(losses).average().orElseThrow(),
          meanOpen(),
          scores());
    }

    /** Returns texts, repeated if they are few and each has gates of its own. */
    private List<TextPair> drawn(List<TextPair> pairs) {
      int times = options.gates.perText() ? Math.max(1, DRAWS / pairs.size()) : 1;
      return Collections.nCopies(times, pairs).stream().flatMap(List::stream).toList();
    }

    /** Runs a step and returns the divergence before it. */
    private double step(int step, MaskedRuns runs, CircuitBatch.Ablated recording) {
      int groups = options.gates.perText() ? recording.batch.size() : 1;
      while (gates.size() < groups) {
        gates.add(new Draw(parameters));
      }
      List<Draw> drawn = gates.subList(0, groups);
      drawn.forEach(this::draw);
      List<DifferentiableMetric> metrics = OptimalAblation.divergences(recording);
      double[] losses =
          runs.run(recording, drawn.stream().map(this::coefficients).toList(), metrics);
      var gradients =
          Arrays.stream(parameters).map(row -> new double[row.length]).toArray(double[][]::new);
      for (int g = 0; g < groups; g++) {
        var sums = new double[inputs.length][];
        Arrays.setAll(sums, i -> new double[inputs[i]]);
        runs.addCoefficients(g, sums);
        double[][] own = ofGates(sums);
        double[][] slopes = drawn.get(g).slopes;
        for (int i = 0; i < own.length; i++) {
          for (int j = 0; j < own[i].length; j++) {
            gradients[i][j] += own[i][j] / losses.length * slopes[i][j];
          }
        }
      }
      update(step, gradients);
      return Arrays.stream(losses).sum() / losses.length;
    }

    private void draw(Draw to) {
      for (int i = 0; i < parameters.length; i++) {
        for (int j = 0; j < parameters[i].length; j++) {
          double u = EPSILON + (1 - 2 * EPSILON) * random.nextDouble();
          to.gates[i][j] = (float) options.gates.gate(parameters[i][j], u);
          to.slopes[i][j] = options.gates.slope(parameters[i][j], u);
        }
      }
    }

    /** Returns the gates by destination and source. */
    private float[][] coefficients(Draw of) {
      if (options.level == CircuitLevel.EDGE) {
        return of.gates;
      }
      var all = new float[inputs.length][];
      Arrays.setAll(all, i -> Arrays.copyOf(of.gates[0], inputs[i]));
      return all;
    }

    /** Returns the gradients with respect to gates of those with respect to edges. */
    private double[][] ofGates(double[][] edges) {
      if (options.level == CircuitLevel.EDGE) {
        return edges;
      }
      var sum = new double[sources];
      for (double[] row : edges) {
        for (int s = 0; s < row.length; s++) {
          sum[s] += row[s];
        }
      }
      return new double[][] {sum};
    }

    private void update(int step, double[][] gradients) {
      double part = Math.min(1, step / (RAMP * options.steps));
      double distance = meanOpen() - (1 - part * (1 - options.keep));
      double pull = first + 2 * second * distance;
      for (int i = 0; i < parameters.length; i++) {
        var row = new float[parameters[i].length];
        for (int j = 0; j < row.length; j++) {
          double p = options.gates.open(parameters[i][j]);
          row[j] = (float) (gradients[i][j] + pull * p * (1 - p) / count);
        }
        adam.step(step, options.rate, i, parameters[i], row);
      }
      first += MULTIPLIER_RATE * distance;
      second += MULTIPLIER_RATE * distance * distance;
    }

    /** Returns the mean probability that a gate is not closed. */
    private double meanOpen() {
      double sum = 0;
      for (float[] row : parameters) {
        for (float parameter : row) {
          sum += options.gates.open(parameter);
        }
      }
      return sum / count;
    }

    private ScoredGraph scores() {
      List<Node.Source> all = graph.sources();
      if (options.level == CircuitLevel.NODE) {
        Map<Node.Source, Double> nodes = new LinkedHashMap<>();
        for (int s = 0; s < sources; s++) {
          nodes.put(all.get(s), options.gates.open(parameters[0][s]));
        }
        return new ScoredGraph(graph, Map.of(), nodes, Map.of());
      }
      Map<Edge, Double> edges = new LinkedHashMap<>();
      for (int i = 0; i < inputs.length; i++) {
        for (int s = 0; s < inputs[i]; s++) {
          edges.put(
              new Edge(all.get(s), destinations.get(i)), options.gates.open(parameters[i][s]));
        }
      }
      return new ScoredGraph(graph, edges, Map.of(), Map.of());
    }
  }
}

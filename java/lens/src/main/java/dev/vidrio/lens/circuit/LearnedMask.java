package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.PairMeasure;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.Arrays;
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
 * <p>A gate is a hard-concrete variable (Louizos et al. 2018, arXiv 1712.01312) with a parameter θ:
 *
 * <pre>{@code
 * s = σ((log u − log(1 − u) + θ) / β),   z = min(1, max(0, s (ζ − γ) + γ)),   u ~ U(0, 1)
 * }</pre>
 *
 * <p>with β = 2/3, γ = −0.1, ζ = 1.1. An edge carries {@code z f + (1 − z) a} of the output f of
 * its source and the ablated one a. Each step draws all gates, runs a batch of clean texts, and
 * follows the gradients, by Adam, of
 *
 * <pre>{@code
 * KL(model ‖ gated model) + λ₁ (k − t) + λ₂ (k − t)²,   k = mean P(z > 0)
 * }</pre>
 *
 * <p>where the divergence is that of the next token's prediction, the mean over texts. The share t
 * of open gates falls from 1 to the given one over the first five sixths of the steps; the
 * multipliers λ grow with the distance from it, so that k ends near t. The gradients with respect
 * to gates are exact: queries, keys, values and gates of each head, and each feed-forward block,
 * read a sum of their own.
 *
 * @param clean metric of the clean texts
 * @param corrupted metric of the corrupted texts
 * @param divergence the mean of KL(model ‖ gated model) over the last batches, one for each, in
 *     nats
 * @param kept k after training
 * @param scores P(z > 0) of each edge or component: {@code σ(θ − β log(−γ/ζ))}
 * @see EdgeScoring
 * @see "docs/lens/circuits.md"
 */
public record LearnedMask(
    double clean, double corrupted, double divergence, double kept, ScoredGraph scores) {
  private static final double BETA = 2.0 / 3;
  private static final double LOW = -0.1;
  private static final double HIGH = 1.1;

  /** −β log(−γ/ζ). */
  private static final double SHIFT = -BETA * Math.log(-LOW / HIGH);

  /** The parameters before training. */
  private static final double START = 1;

  /** The learning rate of the multipliers. */
  private static final double MULTIPLIER_RATE = 3;

  /** The share of steps in which the target falls. */
  private static final double RAMP = 5.0 / 6;

  /** The distance of u from 0 and 1. */
  private static final double EPSILON = 1e-6;

  /** Maximum bytes of runs that are kept between steps. */
  private static final long KEPT_BYTES = 256L << 20;

  /**
   * Options of the training.
   *
   * @param level what has gates: edges or components
   * @param ablation what edges carry whose gates are closed
   * @param keep the share of open gates at the end, t
   * @param steps number of steps, each with a batch of texts
   * @param rate learning rate of the parameters
   * @param seed of the gates
   */
  public record Options(
      CircuitLevel level,
      CircuitAblation ablation,
      double keep,
      int steps,
      double rate,
      long seed) {
    /** Gates on edges, of which 5 % stay open after 200 steps. */
    public static final Options DEFAULT =
        new Options(CircuitLevel.EDGE, CircuitAblation.PATCH, 0.05, 200, 0.1, 0);

    /** Rejects values out of range. */
    public Options {
      Preconditions.require(
          level != CircuitLevel.NEURON, "level", level.label(), "must be edge or node for masks");
      Preconditions.require(keep > 0 && keep < 1, "keep", keep, "must be above 0 and below 1");
      Preconditions.requirePositive("steps", steps);
      Preconditions.require(
          rate > 0 && Double.isFinite(rate), "learning rate", rate, "must be positive");
    }

    /** Returns options for other units. */
    public Options withLevel(CircuitLevel newLevel) {
      return new Options(newLevel, ablation, keep, steps, rate, seed);
    }

    /** Returns options with another ablation. */
    public Options withAblation(CircuitAblation newAblation) {
      return new Options(level, newAblation, keep, steps, rate, seed);
    }

    /** Returns options with another number of steps. */
    public Options withSteps(int newSteps) {
      return new Options(level, ablation, keep, newSteps, rate, seed);
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

  /** Returns z for a drawn u. */
  static double gate(double parameter, double u) {
    return Math.clamp(stretched(parameter, u), 0, 1);
  }

  /** Returns the derivative of z with respect to θ. */
  static double slope(double parameter, double u) {
    double stretched = stretched(parameter, u);
    double s = (stretched - LOW) / (HIGH - LOW);
    return stretched > 0 && stretched < 1 ? (HIGH - LOW) * s * (1 - s) / BETA : 0;
  }

  /** Returns P(z > 0). */
  static double open(double parameter) {
    return sigmoid(parameter + SHIFT);
  }

  private static double stretched(double parameter, double u) {
    double s = sigmoid((Math.log(u) - Math.log(1 - u) + parameter) / BETA);
    return s * (HIGH - LOW) + LOW;
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
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

    /** The drawn gates and their derivatives with respect to θ. */
    private final float[][] gates;

    private final double[][] slopes;

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
        Arrays.fill(parameters[i], (float) START);
      }
      this.adam = new Adam(parameters);
      this.count = Arrays.stream(parameters).mapToInt(row -> row.length).sum();
      this.gates =
          Arrays.stream(parameters).map(row -> new float[row.length]).toArray(float[][]::new);
      this.slopes =
          Arrays.stream(parameters).map(row -> new double[row.length]).toArray(double[][]::new);
    }

    LearnedMask run(Lens lens, List<TextPair> pairs, DoubleConsumer progress) {
      boolean patch = options.ablation == CircuitAblation.PATCH;
      List<PairBatch> batches = PairBatch.of(pairs, patch);
      float[][] constants =
          patch ? null : CircuitBatch.constants(lens, graph, pairs, options.ablation);
      var losses = new double[Math.min(options.steps, batches.size())];
      try (var clean = new CircuitBatch(lens, graph, batches, constants);
          var runs = new MaskedRuns(lens, graph, batches)) {
        boolean keep = batches.size() * clean.bytes() <= KEPT_BYTES;
        var kept = new CircuitBatch.@Nullable Ablated[batches.size()];
        for (int step = 1; step <= options.steps; step++) {
          int b = (step - 1) % kept.length;
          CircuitBatch.Ablated before = kept[b];
          CircuitBatch.Ablated recording =
              before == null ? clean.recordAblated(batches.get(b)) : before;
          kept[b] = keep ? recording : null;
          losses[step % losses.length] = step(step, runs, recording);
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

    /** Runs a step and returns the divergence before it. */
    private double step(int step, MaskedRuns runs, CircuitBatch.Ablated recording) {
      draw();
      List<DifferentiableMetric> metrics = OptimalAblation.divergences(recording);
      double[] losses = runs.run(recording, coefficients(), metrics);
      var sums = new double[inputs.length][];
      Arrays.setAll(sums, i -> new double[inputs[i]]);
      runs.addCoefficients(sums);
      update(step, ofGates(sums), losses.length);
      return Arrays.stream(losses).sum() / losses.length;
    }

    private void draw() {
      for (int i = 0; i < parameters.length; i++) {
        for (int j = 0; j < parameters[i].length; j++) {
          double u = EPSILON + (1 - 2 * EPSILON) * random.nextDouble();
          gates[i][j] = (float) gate(parameters[i][j], u);
          slopes[i][j] = slope(parameters[i][j], u);
        }
      }
    }

    /** Returns the gates by destination and source. */
    private float[][] coefficients() {
      if (options.level == CircuitLevel.EDGE) {
        return gates;
      }
      var all = new float[inputs.length][];
      Arrays.setAll(all, i -> Arrays.copyOf(gates[0], inputs[i]));
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

    private void update(int step, double[][] gradients, int texts) {
      double part = Math.min(1, step / (RAMP * options.steps));
      double distance = meanOpen() - (1 - part * (1 - options.keep));
      double pull = first + 2 * second * distance;
      for (int i = 0; i < parameters.length; i++) {
        var row = new float[parameters[i].length];
        for (int j = 0; j < row.length; j++) {
          double p = open(parameters[i][j]);
          row[j] = (float) (gradients[i][j] / texts * slopes[i][j] + pull * p * (1 - p) / count);
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
          sum += open(parameter);
        }
      }
      return sum / count;
    }

    private ScoredGraph scores() {
      List<Node.Source> all = graph.sources();
      if (options.level == CircuitLevel.NODE) {
        Map<Node.Source, Double> nodes = new LinkedHashMap<>();
        for (int s = 0; s < sources; s++) {
          nodes.put(all.get(s), open(parameters[0][s]));
        }
        return new ScoredGraph(graph, Map.of(), nodes, Map.of());
      }
      Map<Edge, Double> edges = new LinkedHashMap<>();
      for (int i = 0; i < inputs.length; i++) {
        for (int s = 0; s < inputs[i]; s++) {
          edges.put(new Edge(all.get(s), destinations.get(i)), open(parameters[i][s]));
        }
      }
      return new ScoredGraph(graph, edges, Map.of(), Map.of());
    }
  }
}

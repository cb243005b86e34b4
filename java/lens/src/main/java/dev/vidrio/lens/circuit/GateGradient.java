package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The gradient of the divergence of a gated model with respect to given gates z on its edges, which
 * {@link LearnedMask} follows in training: which edge of a circuit should open or close next? An
 * edge carries {@code z f + (1 − z) a} of the output f of its source and the ablated one a.
 *
 * <pre>{@code
 * L(z) = E KL(model ‖ gated model)     score of an edge = ∂L/∂z
 * }</pre>
 *
 * <p>for the prediction of the next token, the mean over the clean texts. A negative score is of an
 * edge that should open. With all gates 1, L is 0 and has its minimum there, so that all scores are
 * 0 up to rounding.
 *
 * @param divergence L(z), in nats
 * @param scores ∂L/∂z of each edge
 * @see "docs/lens/circuits.md"
 */
public record GateGradient(double divergence, ScoredGraph scores) {
  /**
   * Computes the gradient. Memory depends on the length of texts, not on their number.
   *
   * @param pairs texts; their metrics have no influence
   * @param gates z of all edges as their scores, 0 to 1
   * @param ablation what edges with closed gates carry; not optimal constants
   * @throws InvalidInputException if there is no pair, the model does not support a text, or a gate
   *     is missing or out of range
   */
  public static GateGradient of(
      Lens lens, List<TextPair> pairs, ScoredGraph gates, CircuitAblation ablation) {
    TextPair.requireFit(lens.model(), pairs);
    Preconditions.require(
        ablation != CircuitAblation.OPTIMAL,
        "ablation",
        ablation.label(),
        "must be patch, mean or zero of given gates");
    ComponentGraph graph = ComponentGraph.of(lens);
    float[][] coefficients = coefficients(graph, gates);
    boolean patch = ablation == CircuitAblation.PATCH;
    List<PairBatch> batches = PairBatch.of(pairs, patch);
    float[][] constants = patch ? null : CircuitBatch.constants(lens, graph, pairs, ablation);
    var sums =
        Arrays.stream(coefficients).map(row -> new double[row.length]).toArray(double[][]::new);
    double loss = 0;
    try (var clean = new CircuitBatch(lens, graph, batches, constants);
        var runs = new MaskedRuns(lens, graph, batches)) {
      for (PairBatch batch : batches) {
        CircuitBatch.Ablated recording = clean.recordAblated(batch, false);
        double[] losses = runs.run(recording, coefficients, OptimalAblation.divergences(recording));
        loss += Arrays.stream(losses).sum();
        runs.addCoefficients(0, sums);
      }
    }
    Map<Edge, Double> scores = new LinkedHashMap<>();
    for (int i = 0; i < sums.length; i++) {
      for (int s = 0; s < sums[i].length; s++) {
        var edge = new Edge(graph.sources().get(s), graph.destinations().get(i));
        scores.put(edge, sums[i][s] / pairs.size());
      }
    }
    return new GateGradient(
        loss / pairs.size(), new ScoredGraph(graph, scores, Map.of(), Map.of()));
  }

  /** Returns gates by destination and source. */
  private static float[][] coefficients(ComponentGraph graph, ScoredGraph gates) {
    gates.count(CircuitLevel.EDGE);
    var coefficients = new float[graph.destinations().size()][];
    for (int i = 0; i < coefficients.length; i++) {
      Node.Destination destination = graph.destinations().get(i);
      coefficients[i] = new float[graph.inputCount(destination)];
      for (int s = 0; s < coefficients[i].length; s++) {
        var edge = new Edge(graph.sources().get(s), destination);
        double gate = Objects.requireNonNullElse(gates.edges().get(edge), Double.NaN);
        Preconditions.require(
            gate >= 0 && gate <= 1, "gate of " + edge.name(), gate, "must be between 0 and 1");
        coefficients[i][s] = (float) gate;
      }
    }
    return coefficients;
  }
}

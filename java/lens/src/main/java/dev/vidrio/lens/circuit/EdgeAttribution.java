package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.PairMeasure;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;
import java.util.stream.Collectors;

/**
 * Edge attribution patching, EAP (Syed et al. 2023, arXiv 2310.10348), and with integrated
 * gradients, EAP-IG (Hanna et al. 2024, arXiv 2403.17806): for each edge of the model's graph, an
 * estimate of the change of the logit difference, or another metric, if the edge alone carries its
 * value of the corrupted run. A component A writes f^A to the residual stream, and a later
 * component B has the input in_B:
 *
 * <pre>{@code (f^A(corrupted) − f^A(clean)) · ∂LD/∂in_B}</pre>
 *
 * <p>The gradient is that of the clean run, or with integrated gradients the mean over embeddings
 * on the straight line between the runs; the edges out of the embedding then add up to the
 * difference of the runs. Scores of several pairs of texts are means.
 *
 * {@snippet file="LensExamplesTest.java" region="edges"}
 *
 * @param clean metric of the clean run
 * @param corrupted metric of the corrupted run
 * @param scores the estimated change of the metric for each edge, in the order of the model
 * @see AutomaticCircuitDiscovery
 * @see "docs/lens/circuits.md"
 */
public record EdgeAttribution(double clean, double corrupted, Map<Edge, Double> scores) {
  public EdgeAttribution {
    scores = Collections.unmodifiableMap(new LinkedHashMap<>(scores));
  }

  /** Returns the edges in descending order of magnitude. */
  public List<Edge> ranked() {
    return scores.entrySet().stream()
        .sorted(Comparator.comparingDouble(entry -> -Math.abs(entry.getValue())))
        .map(Map.Entry::getKey)
        .toList();
  }

  /**
   * Returns the strongest edges, as a circuit.
   *
   * @throws InvalidInputException if the number is negative
   */
  public Circuit strongest(int edges) {
    Preconditions.require(edges >= 0, "edges", edges, "must not be negative");
    return new Circuit(ranked().stream().limit(edges).collect(Collectors.toSet()));
  }

  /**
   * Scores all edges by the gradient of the clean run.
   *
   * @throws InvalidInputException if there is no pair, or the model does not support a text
   */
  public static EdgeAttribution of(Lens lens, List<TextPair> pairs) {
    return of(lens, pairs, EdgeScoring.EAP);
  }

  /**
   * Scores all edges by gradients at the midpoints of equal intervals between the runs.
   *
   * @param steps number of intervals
   * @throws InvalidInputException as {@link #of(Lens, List, EdgeScoring)}
   */
  public static EdgeAttribution integrated(Lens lens, List<TextPair> pairs, int steps) {
    return of(lens, pairs, EdgeScoring.integrated(steps));
  }

  /**
   * Scores all edges by a method.
   *
   * @throws InvalidInputException if there is no pair, or the model does not support a text
   */
  public static EdgeAttribution of(Lens lens, List<TextPair> pairs, EdgeScoring scoring) {
    return of(lens, pairs, scoring, share -> {});
  }

  /**
   * Scores all edges by a method.
   *
   * @param progress receives the share of the work that is done, 0 to 1
   * @throws InvalidInputException if there is no pair, or the model does not support a text
   */
  public static EdgeAttribution of(
      Lens lens, List<TextPair> pairs, EdgeScoring scoring, DoubleConsumer progress) {
    if (scoring.method() == EdgeScoring.Method.EXACT) {
      return exact(lens, pairs, scoring.ablation(), progress);
    }
    MaskGates gates = scoring.method().gates();
    if (gates != null) {
      var options =
          LearnedMask.Options.DEFAULT
              .withGates(gates)
              .withSteps(scoring.steps())
              .withAblation(scoring.ablation());
      LearnedMask mask = LearnedMask.of(lens, pairs, options, progress);
      return new EdgeAttribution(mask.clean(), mask.corrupted(), mask.scores().edges());
    }
    var scorer = new EdgeScorer(lens, pairs, scoring, false);
    scorer.run(progress);
    Map<Edge, Double> scores = new LinkedHashMap<>();
    List<Node.Source> sources = scorer.graph().sources();
    List<Node.Destination> destinations = scorer.graph().destinations();
    for (int i = 0; i < destinations.size(); i++) {
      Node.Destination destination = destinations.get(i);
      for (int s = 0; s < scorer.graph().inputCount(destination); s++) {
        scores.put(new Edge(sources.get(s), destination), scorer.score(i, s));
      }
    }
    return new EdgeAttribution(scorer.clean(), scorer.corrupted(), scores);
  }

  /** Runs the model without each edge. */
  private static EdgeAttribution exact(
      Lens lens, List<TextPair> pairs, CircuitAblation ablation, DoubleConsumer progress) {
    try (CircuitRuns runs = CircuitRuns.open(lens, pairs, ablation)) {
      Map<Edge, Double> scores = new LinkedHashMap<>();
      var kept = new EdgeMask(runs.graph(), Circuit.whole(runs.graph()));
      List<Edge> edges = runs.graph().edges().toList();
      for (Edge edge : edges) {
        kept.set(edge, false);
        scores.put(edge, runs.run(kept) - runs.clean());
        kept.set(edge, true);
        progress.accept(scores.size() / (double) edges.size());
      }
      double corrupted = PairMeasure.of(lens, pairs).corruptedMean().mean();
      return new EdgeAttribution(runs.clean(), corrupted, scores);
    }
  }

  /**
   * Returns the scores of components, in the order of the model: the sum over the edges that a
   * component's output is carried by. For methods of gradients that is the score of the node, the
   * estimated change of the metric if the component's whole output is ablated.
   */
  public Map<Node.Source, Double> components() {
    return scores.entrySet().stream()
        .collect(
            Collectors.groupingBy(
                entry -> entry.getKey().from(),
                LinkedHashMap::new,
                Collectors.summingDouble(Map.Entry::getValue)));
  }
}

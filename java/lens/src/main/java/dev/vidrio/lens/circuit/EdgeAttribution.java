package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

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
 * @see "docs/lens/interventions.md"
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
    return mean(lens, pairs, List.of(0.0));
  }

  /**
   * Scores all edges by gradients at the midpoints of equal intervals between the runs.
   *
   * @param steps number of intervals
   */
  public static EdgeAttribution integrated(Lens lens, List<TextPair> pairs, int steps) {
    Preconditions.requirePositive("steps", steps);
    List<Double> parts = IntStream.range(0, steps).mapToObj(k -> (k + 0.5) / steps).toList();
    return mean(lens, pairs, parts);
  }

  private static EdgeAttribution mean(Lens lens, List<TextPair> pairs, List<Double> parts) {
    TextPair.requireFit(lens.model(), pairs);
    double clean = 0;
    double corrupted = 0;
    Map<Edge, Double> scores = new LinkedHashMap<>();
    for (TextPair pair : pairs) {
      EdgeAttribution one = of(lens, pair, parts);
      clean += one.clean / pairs.size();
      corrupted += one.corrupted / pairs.size();
      one.scores.forEach((edge, score) -> scores.merge(edge, score / pairs.size(), Double::sum));
    }
    return new EdgeAttribution(clean, corrupted, scores);
  }

  private static EdgeAttribution of(Lens lens, TextPair pair, List<Double> parts) {
    var graph = ComponentGraph.of(lens);
    int[] clean = pair.clean();
    int[] corrupted = pair.corrupted();
    HookPoint embed = HookPoint.of(HookSite.EMBED);
    int from = pair.commonPrefix();
    int n = clean.length;
    int[] tokens = Arrays.copyOfRange(clean, from, n);
    int logits = pair.metric().positions();
    int[] prefix = Arrays.copyOf(clean, from);
    try (var gradients = new EdgeGradients(lens, prefix, tokens.length, logits)) {
      GradientSession session = gradients.session();
      double there = session.run(Arrays.copyOfRange(corrupted, from, n), pair.metric());
      float[] target = session.activation(embed).toArray();
      double here = session.run(tokens, pair.metric());
      float[] x = session.activation(embed).toArray();
      for (double part : parts) {
        session.edits(
            List.of(Intervention.set(embed, between(x, target, part)).positions(from, n)));
        session.run(tokens, pair.metric());
        gradients.add(1.0 / parts.size());
      }
      Map<Node.Source, float[]> changes = changes(lens, graph, clean, corrupted, from);
      Map<Edge, Double> scores = new LinkedHashMap<>();
      graph
          .edges()
          .forEach(
              edge -> {
                float[] change = Objects.requireNonNull(changes.get(edge.from()));
                scores.put(edge, Vectors.dot(change, gradients.sum(edge.to())));
              });
      return new EdgeAttribution(here, there, scores);
    }
  }

  private static float[] between(float[] from, float[] to, double part) {
    var values = new float[from.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (from[i] + part * (to[i] - from[i]));
    }
    return values;
  }

  /**
   * Returns the difference of each component's output between the corrupted and the clean run, [n −
   * from, d]; the texts are equal before {@code from}.
   */
  private static Map<Node.Source, float[]> changes(
      Lens lens, ComponentGraph graph, int[] clean, int[] corrupted, int from) {
    int n = clean.length - from;
    Map<Node.Source, float[]> changes = new HashMap<>();
    List<Node.Source> sources = graph.sources();
    HookMap hooks = HookMap.of(lens.model());
    Capture capture =
        Capture.of("hook_embed, *.hook_result, *.hook_mlp_out").positions(from, clean.length);
    try (ActivationCache before = lens.run(clean, capture);
        ActivationCache after = lens.run(corrupted, capture)) {
      for (int i = 0; i < n; i++) {
        Map<Node.Source, float[]> old = written(lens, hooks, before, i);
        Map<Node.Source, float[]> changed = written(lens, hooks, after, i);
        for (Node.Source source : sources) {
          float[] change =
              Vectors.minus(
                  Objects.requireNonNull(changed.get(source)),
                  Objects.requireNonNull(old.get(source)));
          float[] all = changes.computeIfAbsent(source, ignored -> new float[n * change.length]);
          System.arraycopy(change, 0, all, i * change.length, change.length);
        }
      }
    }
    return changes;
  }

  /**
   * Returns the output of each component at a row, without position embeddings, which both runs
   * share.
   */
  private static Map<Node.Source, float[]> written(
      Lens lens, HookMap hooks, ActivationCache cache, int i) {
    Map<Node.Source, float[]> written = new HashMap<>();
    written.put(new Node.Embedding(), cache.get(HookSite.EMBED).row(i));
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      float[][] heads = HeadOutputs.of(hooks, cache, l, i);
      for (int h = 0; h < heads.length; h++) {
        written.put(new Node.Head(l, h), heads[h]);
      }
      written.put(new Node.Mlp(l), cache.get(HookSite.MLP_OUT, l).row(i));
    }
    return written;
  }
}

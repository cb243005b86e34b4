package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A {@link ComponentGraph} with scores of its edges, components or neurons: the input of {@link
 * CircuitCurve}, read from and written to the files of the program EAP-IG by {@link GraphFile}.
 * Immutable.
 *
 * @param graph the graph
 * @param edges scores of all edges, in the order of the model, or empty
 * @param nodes scores of components, or empty
 * @param neurons scores of the elements of each component's output, [d], or empty
 */
public record ScoredGraph(
    ComponentGraph graph,
    Map<Edge, Double> edges,
    Map<Node.Source, Double> nodes,
    Map<Node.Source, double[]> neurons) {
  public ScoredGraph {
    edges = Collections.unmodifiableMap(new LinkedHashMap<>(edges));
    nodes = Collections.unmodifiableMap(new LinkedHashMap<>(nodes));
    neurons = Collections.unmodifiableMap(new LinkedHashMap<>(neurons));
  }

  /** Returns the scores of edges, and those of components, their sums. */
  public static ScoredGraph of(ComponentGraph graph, EdgeAttribution edges) {
    return new ScoredGraph(graph, edges.scores(), edges.components(), Map.of());
  }

  /** Returns the scores of neurons, and those of components, their sums. */
  public static ScoredGraph of(ComponentGraph graph, NeuronAttribution neurons) {
    Map<Node.Source, Double> nodes = new LinkedHashMap<>();
    neurons.scores().forEach((node, scores) -> nodes.put(node, sum(scores)));
    return new ScoredGraph(graph, Map.of(), nodes, neurons.scores());
  }

  private static double sum(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum;
  }

  /**
   * Returns the number of scored units of a level.
   *
   * @throws InvalidInputException if there are none
   */
  public int count(CircuitLevel level) {
    int count =
        switch (level) {
          case EDGE -> edges.size();
          case NODE -> nodes.size();
          case NEURON -> neurons.values().stream().mapToInt(scores -> scores.length).sum();
        };
    Preconditions.require(
        count > 0, "level", level.label(), "must have scores; those of the graph are of others");
    return count;
  }

  /**
   * Returns the circuit of the strongest edges, or of all edges out of the strongest components,
   * without edges that are on no path from the embedding to the logits.
   *
   * @param count number of edges or components
   * @throws InvalidInputException if there are no such scores or fewer, or the level is {@link
   *     CircuitLevel#NEURON}, since its circuits are more than sets of edges
   */
  public Circuit strongest(CircuitLevel level, int count) {
    Preconditions.require(
        level != CircuitLevel.NEURON, "level", level.label(), "must be edge or node");
    return top(level, count).masks.edges.circuit();
  }

  /**
   * The circuit of the strongest units.
   *
   * @param units number of units, before pruning
   * @param edges number of edges, weighted by the share of their neurons
   */
  record Selection(int units, double edges, CircuitRuns.Masks masks) {}

  /** Returns the circuit of the strongest units, pruned. */
  Selection top(CircuitLevel level, int count) {
    Preconditions.requireRange("number of " + level.label() + "s", count, 0, count(level));
    return switch (level) {
      case EDGE -> {
        Set<Edge> kept = new HashSet<>(ranked(edges).subList(0, count));
        List<Edge> connected = new Circuit(kept).connected(graph);
        yield selection(count, connected, null);
      }
      case NODE -> {
        Set<Node.Source> kept = new HashSet<>(ranked(nodes).subList(0, count));
        yield selection(count, outOf(kept), null);
      }
      case NEURON -> neurons(count);
    };
  }

  private List<Edge> outOf(Set<Node.Source> kept) {
    Set<Edge> all = new HashSet<>();
    graph.edges().filter(edge -> kept.contains(edge.from())).forEach(all::add);
    return new Circuit(all).connected(graph);
  }

  private Selection selection(int units, List<Edge> kept, BitSet @Nullable [] elements) {
    var mask = new EdgeMask(graph);
    double weight = 0;
    for (Edge edge : kept) {
      mask.set(edge, true);
      weight +=
          elements == null
              ? 1
              : elements[graph.number(edge.from())].cardinality()
                  / (double) scoresOf(edge.from()).length;
    }
    return new Selection(units, weight, new CircuitRuns.Masks(mask, elements));
  }

  private double[] scoresOf(Node.Source source) {
    return Objects.requireNonNull(neurons.get(source), source::name);
  }

  private Selection neurons(int count) {
    record Neuron(Node.Source node, int element, double magnitude) {}
    List<Neuron> all = new ArrayList<>();
    neurons.forEach(
        (node, scores) ->
            IntStream.range(0, scores.length)
                .forEach(j -> all.add(new Neuron(node, j, Math.abs(scores[j])))));
    all.sort(Comparator.comparingDouble(Neuron::magnitude).reversed());
    Map<Node.Source, BitSet> kept = new HashMap<>();
    for (Neuron neuron : all.subList(0, count)) {
      kept.computeIfAbsent(neuron.node, ignored -> new BitSet()).set(neuron.element);
    }
    var elements = new BitSet[graph.sources().size()];
    for (Node.Source source : graph.sources()) {
      elements[graph.number(source)] = kept.getOrDefault(source, new BitSet());
    }
    List<Edge> connected = outOf(kept.keySet());
    return selection(count, connected, count == all.size() ? null : elements);
  }

  /** Returns the keys in descending order of magnitude; equal ones in the order of the model. */
  private static <T> List<T> ranked(Map<T, Double> scores) {
    return scores.entrySet().stream()
        .sorted(Comparator.comparingDouble(entry -> -Math.abs(entry.getValue())))
        .map(Map.Entry::getKey)
        .toList();
  }
}

package dev.vidrio.lens.circuit;

import dev.vidrio.lens.resolve.Preconditions;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** A mutable set of edges with fast lookup and removal. */
final class EdgeMask {
  private final Map<Node.Destination, BitSet> kept = new HashMap<>();
  private final ComponentGraph graph;

  /** Creates an empty set. */
  EdgeMask(ComponentGraph graph) {
    this.graph = graph;
    for (Node.Destination destination : graph.destinations()) {
      kept.put(destination, new BitSet());
    }
  }

  EdgeMask(ComponentGraph graph, Circuit circuit) {
    this(graph);
    for (Edge edge : circuit.edges()) {
      Preconditions.require(graph.has(edge), "edge", edge.name(), "is none of the model");
      set(edge, true);
    }
  }

  /** Returns the numbers of the sources with kept edges to a destination, not a copy. */
  BitSet inputsOf(Node.Destination destination) {
    return Objects.requireNonNull(kept.get(destination));
  }

  void set(Edge edge, boolean value) {
    inputsOf(edge.to()).set(graph.number(edge.from()), value);
  }

  boolean has(Edge edge) {
    return inputsOf(edge.to()).get(graph.number(edge.from()));
  }

  /** Returns whether any destination reads a component. */
  boolean isRead(Node.Source source) {
    int number = graph.number(source);
    return kept.values().stream().anyMatch(inputs -> inputs.get(number));
  }

  /** Returns the numbers of the sources that any destination reads. */
  BitSet sources() {
    var read = new BitSet();
    kept.values().forEach(read::or);
    return read;
  }

  Circuit circuit() {
    List<Node.Source> sources = graph.sources();
    Set<Edge> edges = new HashSet<>();
    kept.forEach(
        (destination, inputs) ->
            inputs.stream().forEach(i -> edges.add(new Edge(sources.get(i), destination))));
    return new Circuit(edges);
  }
}

package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Edges of a graph, to be looked up and removed fast. */
final class EdgeMask {
  private final Map<Node.Receiver, BitSet> kept = new HashMap<>();
  private final ComponentGraph graph;

  EdgeMask(ComponentGraph graph, Circuit circuit) {
    this.graph = graph;
    for (Node.Receiver receiver : graph.receivers()) {
      kept.put(receiver, new BitSet());
    }
    for (Edge edge : circuit.edges()) {
      if (!graph.has(edge)) {
        throw new InvalidInputException("edge", edge.name(), "is none of the model");
      }
      set(edge, true);
    }
  }

  /** The numbers of the senders that a receiver hears; not to be changed. */
  BitSet senders(Node.Receiver receiver) {
    return Objects.requireNonNull(kept.get(receiver));
  }

  void set(Edge edge, boolean value) {
    senders(edge.to()).set(graph.number(edge.from()), value);
  }

  boolean has(Edge edge) {
    return senders(edge.to()).get(graph.number(edge.from()));
  }

  /** Whether any receiver hears a component. */
  boolean isHeard(Node.Sender sender) {
    int number = graph.number(sender);
    return kept.values().stream().anyMatch(heard -> heard.get(number));
  }

  Circuit circuit() {
    List<Node.Sender> senders = graph.senders();
    Set<Edge> edges = new HashSet<>();
    kept.forEach(
        (receiver, heard) ->
            heard.stream().forEach(i -> edges.add(new Edge(senders.get(i), receiver))));
    return new Circuit(edges);
  }
}

package dev.vidrio.lens.circuit;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A subgraph of a {@link ComponentGraph} that should explain a behavior: its edges carry the values
 * of the clean run, all others those of the corrupted run.
 *
 * @param edges in any order
 * @see CircuitRun
 */
public record Circuit(Set<Edge> edges) {
  public Circuit {
    edges = Set.copyOf(edges);
  }

  /** Returns the circuit of all edges: the model itself. */
  public static Circuit whole(ComponentGraph graph) {
    return new Circuit(graph.edges().collect(Collectors.toSet()));
  }

  /** Returns the circuit without some edges. */
  public Circuit without(Collection<Edge> removed) {
    Set<Edge> rest = new LinkedHashSet<>(edges);
    removed.forEach(rest::remove);
    return new Circuit(rest);
  }

  /** Returns the circuit without the outputs of some components, which are ablated. */
  public Circuit withoutNodes(Collection<? extends Node.Source> removed) {
    return new Circuit(
        edges.stream().filter(edge -> !removed.contains(edge.from())).collect(Collectors.toSet()));
  }

  /**
   * Returns the edges on a path from the embedding to the logits, in the order of a forward pass.
   * The others have no effect on the logits.
   */
  public List<Edge> connected(ComponentGraph graph) {
    List<Edge> ordered = graph.edges().filter(edges::contains).toList();
    Set<Node> fed = new LinkedHashSet<>(Set.of(new Node.Embedding()));
    List<Edge> forward = new ArrayList<>();
    for (Edge edge : ordered) {
      if (fed.contains(edge.from())) {
        forward.add(edge);
        fed.addAll(outputs(graph, edge.to()));
      }
    }
    Set<Node> read = new LinkedHashSet<>(Set.of(new Node.Logits()));
    List<Edge> backward = new ArrayList<>();
    for (Edge edge : forward.reversed()) {
      if (outputs(graph, edge.to()).stream().anyMatch(read::contains)) {
        backward.add(edge);
        read.add(edge.from());
      }
    }
    return backward.reversed();
  }

  /** Returns the nodes with outputs that change when a destination's input changes. */
  private static List<Node> outputs(ComponentGraph graph, Node.Destination destination) {
    return switch (destination) {
      case Node.HeadInput input -> List.copyOf(graph.changed(input));
      case Node.Mlp mlp -> List.of(mlp);
      case Node.Logits logits -> List.of(logits);
    };
  }
}

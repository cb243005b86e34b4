package dev.vidrio.lens.page;

import dev.vidrio.lens.circuit.ComponentGraph;
import dev.vidrio.lens.circuit.Edge;
import dev.vidrio.lens.circuit.Node;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A circuit as a graph, from the embedding at the bottom to the logits at the top.
 *
 * @param nodes in the order of a forward pass
 */
public record CircuitView(String title, String note, List<Vertex> nodes, List<Arc> edges)
    implements View {
  /**
   * A component.
   *
   * @param rank its vertical position; nodes of equal rank are side by side
   */
  public record Vertex(String label, int rank) {}

  /**
   * An edge between two of the nodes, by their index in the list.
   *
   * @param input of the second node: {@code Q}, {@code K}, {@code V}, or empty
   * @param value the loss of the metric without the edge, finite
   */
  public record Arc(int from, int to, String input, double value) {}

  public CircuitView {
    nodes = List.copyOf(nodes);
    edges = List.copyOf(edges);
  }

  /**
   * Returns the view of edges and their values. An input that several heads share has an edge to
   * each of them that has an outgoing edge.
   */
  public static CircuitView of(
      String title, String note, ComponentGraph graph, Map<Edge, Double> effects) {
    Set<Node> writing = effects.keySet().stream().map(Edge::from).collect(Collectors.toSet());
    List<Node> shown = new ArrayList<>(graph.sources().stream().filter(writing::contains).toList());
    shown.add(new Node.Logits());
    List<Arc> arcs = new ArrayList<>();
    effects.forEach(
        (edge, effect) -> {
          String input = edge.to() instanceof Node.HeadInput in ? in.site().name() : "";
          for (Node to : targets(graph, edge.to())) {
            if (shown.contains(to)) {
              arcs.add(new Arc(shown.indexOf(edge.from()), shown.indexOf(to), input, effect));
            }
          }
        });
    List<Vertex> nodes = shown.stream().map(node -> new Vertex(node.name(), rank(node))).toList();
    return new CircuitView(title, note, nodes, arcs);
  }

  private static List<? extends Node> targets(ComponentGraph graph, Node.Destination destination) {
    return destination instanceof Node.HeadInput input ? graph.heads(input) : List.of(destination);
  }

  private static int rank(Node node) {
    return switch (node) {
      case Node.Embedding ignored -> 0;
      case Node.Head head -> 2 * head.layer() + 1;
      case Node.HeadInput input -> 2 * input.layer() + 1;
      case Node.Mlp mlp -> 2 * mlp.layer() + 2;
      case Node.Logits ignored -> Integer.MAX_VALUE;
    };
  }

  /** Returns the graph in the DOT language of Graphviz. */
  public String dot() {
    var dot = new StringBuilder("digraph circuit {\n  rankdir=BT;\n  node [shape=box];\n");
    for (Vertex node : nodes) {
      dot.append("  \"%s\";%n".formatted(node.label()));
    }
    double greatest = edges.stream().mapToDouble(e -> Math.abs(e.value())).max().orElse(1);
    for (Arc edge : edges) {
      dot.append(
          String.format(
              Locale.ROOT,
              "  \"%s\" -> \"%s\" [label=\"%s\", weight=%.4f, penwidth=%.2f, color=\"%s\"];%n",
              nodes.get(edge.from()).label(),
              nodes.get(edge.to()).label(),
              edge.input(),
              Math.abs(edge.value()),
              greatest == 0 ? 1 : 0.5 + 4 * Math.abs(edge.value()) / greatest,
              edge.value() < 0 ? "#2166ac" : "#b2182b"));
    }
    return dot.append("}\n").toString();
  }
}

package dev.vidrio.lens.page;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.graph.AttributionGraph;
import dev.vidrio.lens.graph.GraphEdge;
import dev.vidrio.lens.graph.GraphNode;
import dev.vidrio.lens.graph.PrunedGraph;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * An attribution graph on a plane of tokens and layers: tokens at the bottom, predicted tokens at
 * the top. A node shows its strongest edges.
 *
 * @param tokens of the text
 * @param rows names of the rows, from the bottom
 */
public record GraphView(
    String title,
    String note,
    List<String> tokens,
    List<String> rows,
    List<Vertex> nodes,
    List<Arc> edges)
    implements View {
  /**
   * A node.
   *
   * @param kind {@code feature}, {@code neuron}, {@code error}, {@code token} or {@code logit}
   * @param row from the bottom
   * @param column the position of its token
   * @param about lines that explain it
   * @param influence 0 to 1
   */
  public record Vertex(
      String name, String kind, int row, int column, List<String> about, double influence) {
    public Vertex {
      about = List.copyOf(about);
    }
  }

  /** An edge between two of the nodes, by their index in the list. */
  public record Arc(int from, int to, double value) {}

  /** Maximum number of edges on a page: about 3 MB of HTML. */
  private static final int MAX_EDGES = 50_000;

  public GraphView {
    tokens = List.copyOf(tokens);
    rows = List.copyOf(rows);
    nodes = List.copyOf(nodes);
    edges = List.copyOf(edges);
  }

  /**
   * Returns the view of a graph.
   *
   * @param raised the tokens with the logits that a feature raises most, as text, by the index of
   *     its node
   * @throws InvalidInputException if there are too many edges for a page
   */
  public static GraphView of(Model model, PrunedGraph pruned, Map<Integer, String> raised) {
    if (pruned.edges().size() > MAX_EDGES) {
      throw new InvalidInputException(
          "edges",
          Integer.toString(pruned.edges().size()),
          "a page holds at most " + MAX_EDGES + "; choose a smaller share of nodes or edges");
    }
    AttributionGraph graph = pruned.graph();
    Map<Integer, Integer> places = new HashMap<>();
    List<Vertex> vertices = new ArrayList<>();
    for (int i : pruned.nodes()) {
      places.put(i, vertices.size());
      vertices.add(vertex(model, graph, i, raised.getOrDefault(i, "")));
    }
    List<Arc> arcs = new ArrayList<>();
    for (GraphEdge edge : pruned.edges()) {
      arcs.add(
          new Arc(
              Objects.requireNonNull(places.get(edge.source())),
              Objects.requireNonNull(places.get(edge.target())),
              edge.weight()));
    }
    List<String> rows = new ArrayList<>(List.of("embed"));
    for (int l = 0; l < graph.layers(); l++) {
      rows.add(Integer.toString(l));
    }
    rows.add("logits");
    return new GraphView(
        "Attribution graph",
        String.format(
            Locale.ROOT,
            "Each column is a token, each row a layer. Circles are features or neurons, squares the"
                + " errors of transcoders. A line is a direct effect: solid if positive, dashed if"
                + " negative, wider if stronger. The strongest lines are drawn, and"
                + " all of a node that is chosen. Replacement"
                + " %.3f, completeness %.3f.",
            graph.replacement(),
            graph.completeness()),
        TokenTexts.of(model, Arrays.stream(graph.tokens()).boxed().toList()),
        rows,
        vertices,
        arcs);
  }

  private static Vertex vertex(Model model, AttributionGraph graph, int index, String raised) {
    GraphNode node = graph.nodes().get(index);
    String name = node.name();
    List<String> about = new ArrayList<>();
    if (node.isFeature()) {
      about.add(String.format(Locale.ROOT, "value %.3f", node.value()));
      about.add("raises " + raised);
    }
    if (node.kind() == GraphNode.Kind.LOGIT) {
      name += " “" + model.tokenizer().piece(node.id()) + "”";
      about.add(String.format(Locale.ROOT, "probability %.3f", node.probability()));
    }
    double influence = graph.influence(index);
    about.add(String.format(Locale.ROOT, "influence %.3f", influence));
    return new Vertex(
        name,
        node.kind().label(),
        node.layer() + 1,
        node.position(),
        about,
        Math.min(1, influence));
  }
}

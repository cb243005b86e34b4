package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads and writes scored graphs as the program EAP-IG does ({@code Graph.to_json} and {@code
 * Graph.from_json}), which MIB evaluates.
 *
 * <p>Components are named {@code input}, {@code a3.h7}, {@code m3} and {@code logits} there, and
 * edges {@code a3.h7->a5.h2<q>}. The program gives each query head keys and values of its own. An
 * edge to a key-value head that several heads share is therefore written once for each of them,
 * with an equal part of its score, and read as the sum of their scores.
 */
public final class GraphFile {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private GraphFile() {}

  /**
   * Returns the JSON text of a graph.
   *
   * @param circuit the edges that are in the graph, and their components
   * @throws InvalidInputException if heads have output gates, which the format does not have, or
   *     layers differ in their number of heads
   */
  public static String write(ScoredGraph scores, Circuit circuit) {
    ComponentGraph graph = scores.graph();
    ObjectNode root = JSON.createObjectNode();
    int layers = layers(graph);
    ObjectNode config = root.putObject("cfg");
    config.put("n_layers", layers);
    config.put("n_heads", heads(graph, layers));
    config.put("parallel_attn_mlp", parallel(graph));
    config.put("d_model", graph.width());
    Set<Edge> kept = circuit.edges();
    ObjectNode nodes = root.putObject("nodes");
    for (Node.Source source : graph.sources()) {
      boolean in = kept.stream().anyMatch(edge -> edge.from().equals(source));
      ObjectNode node = nodes.putObject(name(source)).put("in_graph", in);
      Double score = scores.nodes().get(source);
      if (score != null) {
        node.put("score", score);
      }
      double[] neurons = scores.neurons().get(source);
      if (neurons != null) {
        ArrayNode values = node.putArray("neurons_scores");
        for (double value : neurons) {
          values.add(value);
        }
        ArrayNode flags = node.putArray("neurons");
        for (int j = 0; j < neurons.length; j++) {
          flags.add(in);
        }
      }
    }
    nodes.putObject("logits").put("in_graph", true);
    ObjectNode edges = root.putObject("edges");
    graph
        .edges()
        .forEach(
            edge -> {
              List<String> names = names(graph, edge);
              double score = scores.edges().getOrDefault(edge, 0.0) / names.size();
              for (String name : names) {
                edges.putObject(name).put("score", score).put("in_graph", kept.contains(edge));
              }
            });
    return root.toString();
  }

  private static int layers(ComponentGraph graph) {
    return graph.sources().getLast() instanceof Node.Mlp mlp ? mlp.layer() + 1 : 0;
  }

  private static int heads(ComponentGraph graph, int layers) {
    int heads = graph.inputs(HookSite.Q, 0).size();
    for (int l = 0; l < layers; l++) {
      int own = graph.inputs(HookSite.Q, l).size();
      Preconditions.require(
          own == heads, "graph", "layer " + l + " has " + own + " heads", "must be " + heads);
    }
    return heads;
  }

  /** Returns whether feed-forward blocks read the stream that heads read. */
  private static boolean parallel(ComponentGraph graph) {
    return graph.inputsOf(new Node.Mlp(0)).size() == 1;
  }

  private static String name(Node.Source source) {
    return switch (source) {
      case Node.Embedding() -> "input";
      case Node.Head(int layer, int head) -> "a" + layer + ".h" + head;
      case Node.Mlp(int layer) -> "m" + layer;
    };
  }

  /** Returns the names of an edge, one for each head that shares its destination. */
  private static List<String> names(ComponentGraph graph, Edge edge) {
    String from = name(edge.from()) + "->";
    return switch (edge.to()) {
      case Node.Logits() -> List.of(from + "logits");
      case Node.Mlp mlp -> List.of(from + name(mlp));
      case Node.HeadInput input -> {
        Preconditions.require(
            input.site() != HookSite.GATE,
            "graph",
            input.name(),
            "output gates are not in EAP-IG's format");
        String letter = "<" + input.site().name().toLowerCase(Locale.ROOT) + ">";
        yield graph.heads(input).stream().map(head -> from + name(head) + letter).toList();
      }
    };
  }

  /**
   * A graph that was read.
   *
   * @param scores all scores of the file
   * @param circuit the edges that are in the graph
   */
  public record Read(ScoredGraph scores, Circuit circuit) {}

  /**
   * Reads the JSON text of a graph.
   *
   * @param graph of the model
   * @throws InvalidInputException if the text is not JSON, or not of this model
   */
  public static Read read(ComponentGraph graph, String text) {
    JsonNode root;
    try {
      root = JSON.readTree(text);
    } catch (JacksonException e) {
      throw new InvalidInputException("graph", "", "invalid JSON: " + e.getOriginalMessage());
    }
    JsonNode edges = part(root, "edges");
    JsonNode nodes = part(root, "nodes");
    Map<Edge, Double> scores = new LinkedHashMap<>();
    List<Edge> kept = new ArrayList<>();
    graph
        .edges()
        .forEach(
            edge -> {
              double sum = 0;
              boolean in = false;
              for (String name : names(graph, edge)) {
                JsonNode own = part(edges, name);
                sum += number(own, "score", name);
                in |= own.path("in_graph").asBoolean(false);
              }
              scores.put(edge, sum);
              if (in) {
                kept.add(edge);
              }
            });
    int expected = graph.edges().mapToInt(edge -> names(graph, edge).size()).sum();
    Preconditions.require(
        edges.size() == expected, "edges", edges.size(), "the model has " + expected);
    Map<Node.Source, Double> ofNodes = new LinkedHashMap<>();
    Map<Node.Source, double[]> neurons = new LinkedHashMap<>();
    for (Node.Source source : graph.sources()) {
      String name = name(source);
      JsonNode node = part(nodes, name);
      // The program writes NaN for components that it has not scored.
      if (node.has("score") && Double.isFinite(number(node, "score", name))) {
        ofNodes.put(source, number(node, "score", name));
      }
      JsonNode elements = node.path("neurons_scores");
      if (elements.isArray()) {
        Preconditions.require(
            elements.size() == graph.width(),
            name + ".neurons_scores",
            elements.size(),
            "must be " + graph.width());
        var values = new double[elements.size()];
        for (int j = 0; j < values.length; j++) {
          values[j] = elements.get(j).asDouble(0);
        }
        neurons.put(source, values);
      }
    }
    return new Read(
        new ScoredGraph(graph, scores, ofNodes, neurons), new Circuit(Set.copyOf(kept)));
  }

  private static JsonNode part(JsonNode node, String name) {
    JsonNode part = node.path(name);
    Preconditions.require(part.isObject(), name, "", "not found in the graph");
    return part;
  }

  private static double number(JsonNode node, String field, String of) {
    JsonNode value = node.path(field);
    Preconditions.require(value.isNumber(), of + "." + field, value, "must be a number");
    return value.doubleValue();
  }
}

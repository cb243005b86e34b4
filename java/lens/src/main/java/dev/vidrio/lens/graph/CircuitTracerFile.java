package dev.vidrio.lens.graph;

import dev.vidrio.model.Model;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes graphs as the program circuit-tracer does ({@code create_graph_files}), for its page. A
 * neuron takes the place of a feature there.
 */
public final class CircuitTracerFile {
  private static final JsonMapper JSON = JsonMapper.shared();

  private CircuitTracerFile() {}

  /**
   * Returns the JSON text of a graph.
   *
   * @param slug the name of the graph
   * @param scan the name of the model or the transcoders
   * @param nodeShare the share of influence for which nodes were kept
   */
  public static String write(
      Model model, PrunedGraph pruned, String slug, String scan, double nodeShare) {
    AttributionGraph graph = pruned.graph();
    ObjectNode root = JSON.createObjectNode();
    ObjectNode metadata = root.putObject("metadata");
    metadata.put("slug", slug);
    metadata.put("scan", scan);
    metadata.putArray("transcoder_list");
    ArrayNode tokens = metadata.putArray("prompt_tokens");
    for (int token : graph.tokens()) {
      tokens.add(model.tokenizer().piece(token));
    }
    metadata.put("prompt", model.tokenizer().decode(graph.tokens()));
    metadata.put("node_threshold", nodeShare);
    ObjectNode parameters = root.putObject("qParams");
    parameters.putArray("pinnedIds");
    parameters.putArray("supernodes");
    parameters.put("linkType", "both");
    parameters.put("clickedId", "");
    parameters.put("sg_pos", "");
    Map<Integer, String> ids = new HashMap<>();
    ArrayNode nodes = root.putArray("nodes");
    List<GraphNode> all = graph.nodes();
    int first = all.size();
    while (first > 0 && all.get(first - 1).isTarget()) {
      first--;
    }
    for (int i : pruned.nodes()) {
      ObjectNode node = node(model, graph, i, i == first);
      node.put("influence", pruned.cumulativeInfluence(i));
      ids.put(i, node.get("node_id").stringValue());
      nodes.add(node);
    }
    ArrayNode links = root.putArray("links");
    for (GraphEdge edge : pruned.edges()) {
      ObjectNode link = links.addObject();
      link.put("source", ids.get(edge.source()));
      link.put("target", ids.get(edge.target()));
      link.put("weight", edge.weight());
    }
    return JSON.writeValueAsString(root);
  }

  private static ObjectNode node(
      Model model, AttributionGraph graph, int index, boolean likeliest) {
    GraphNode node = graph.nodes().get(index);
    int position = node.position();
    ObjectNode json = JSON.createObjectNode();
    switch (node.kind()) {
      case FEATURE, NEURON ->
          put(json, Integer.toString(node.layer()), node.id(), node, "cross layer transcoder", "0");
      case ERROR -> {
        put(json, Integer.toString(node.layer()), -1, node, "mlp reconstruction error", "0");
        json.put("node_id", "0_%d_%d".formatted(node.layer(), position));
        json.put("jsNodeId", "%d_%d-0".formatted(node.layer(), position));
      }
      case TOKEN -> {
        put(json, "E", node.id(), node, "embedding", Integer.toString(position));
        json.put("feature", position);
      }
      case LOGIT -> {
        put(json, Integer.toString(graph.layers() + 1), node.id(), node, "logit", "0");
        json.put("jsNodeId", "L_%d-%d".formatted(node.id(), position));
        json.put(
            "clerp",
            String.format(
                Locale.ROOT,
                "Output \"%s\" (p=%.3f)",
                model.tokenizer().piece(node.id()),
                node.probability()));
      }
      case METRIC -> {
        int virtual = model.architecture().vocabulary();
        put(json, Integer.toString(graph.layers() + 1), virtual, node, "logit", "0");
        json.put("jsNodeId", "L_%d-%d".formatted(virtual, position));
        json.put("clerp", "Output of the metric");
      }
    }
    json.put("token_prob", node.probability());
    json.put("is_target_logit", likeliest);
    json.put("run_idx", 0);
    json.put("reverse_ctx_idx", 0);
    if (node.isFeature()) {
      json.put("activation", node.value());
    } else {
      json.putNull("activation");
    }
    return json;
  }

  private static void put(
      ObjectNode json, String layer, int id, GraphNode node, String type, String suffix) {
    json.put("node_id", layer + "_" + id + "_" + node.position());
    json.put("feature", id);
    json.put("layer", layer);
    json.put("ctx_idx", node.position());
    json.put("feature_type", type);
    json.put("jsNodeId", layer + "_" + id + "-" + suffix);
    json.put("clerp", "");
  }
}

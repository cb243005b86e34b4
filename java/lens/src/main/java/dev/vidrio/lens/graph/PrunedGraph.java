package dev.vidrio.lens.graph;

import java.util.BitSet;
import java.util.List;

/**
 * The most important nodes and edges of an {@link AttributionGraph}. Nodes keep their indices.
 * Immutable.
 */
public final class PrunedGraph {
  private final AttributionGraph graph;
  private final BitSet kept;
  private final List<GraphEdge> edges;
  private final double[] cumulative;

  PrunedGraph(AttributionGraph graph, BitSet kept, List<GraphEdge> edges, double[] cumulative) {
    this.graph = graph;
    this.kept = kept;
    this.edges = edges.stream().filter(e -> kept.get(e.source()) && kept.get(e.target())).toList();
    this.cumulative = cumulative;
  }

  /** Returns the whole graph. */
  public AttributionGraph graph() {
    return graph;
  }

  /** Returns the indices of the nodes, ascending. */
  public List<Integer> nodes() {
    return kept.stream().boxed().toList();
  }

  /** Returns the edges, by target, then source. */
  public List<GraphEdge> edges() {
    return edges;
  }

  /** Returns the share of influence of all nodes that have at least the influence of a node. */
  public double cumulativeInfluence(int node) {
    return cumulative[node];
  }
}

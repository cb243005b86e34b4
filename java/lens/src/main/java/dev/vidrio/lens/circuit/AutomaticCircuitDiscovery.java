package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.function.IntConsumer;

/**
 * Automatic circuit discovery, ACDC (Conmy et al. 2023, arXiv 2304.14997): which edges between
 * components explain a behavior? Visits the edges of a {@link ComponentGraph} from the logits back
 * to the embedding, and removes each edge if its removal changes the metric by less than a
 * threshold. Every edge costs one run, except edges into components that no remaining edge reads.
 *
 * {@snippet file="LensExamplesTest.java" region="circuit"}
 *
 * <p>To cancel, interrupt the thread.
 *
 * @see EdgeAttribution
 * @see CircuitEvaluation
 * @see "docs/lens/circuits.md"
 */
public final class AutomaticCircuitDiscovery {
  private AutomaticCircuitDiscovery() {}

  /**
   * Finds the circuit of pairs of texts, by the mean of their metrics.
   *
   * @param threshold τ: an edge is removed if the metric changes by less without it
   * @param candidates the initial edges, such as {@link Circuit#whole} or the strongest ones of an
   *     attribution
   * @param progress receives the number of edges visited
   * @throws InvalidInputException if the threshold is negative or NaN, or an edge is not in the
   *     graph of the model
   */
  public static Circuit of(
      CircuitRuns runs, double threshold, Circuit candidates, IntConsumer progress) {
    Preconditions.require(threshold >= 0, "threshold", threshold, "must be 0 or more");
    ComponentGraph graph = runs.graph();
    EdgeMask kept = new EdgeMask(graph, candidates);
    double value = runs.run(kept);
    int seen = 0;
    for (Node.Destination destination : graph.destinations().reversed()) {
      boolean read = isRead(graph, kept, destination);
      for (Node.Source source : graph.inputsOf(destination).reversed()) {
        var edge = new Edge(source, destination);
        if (!kept.has(edge)) {
          continue;
        }
        kept.set(edge, false);
        double without = read ? runs.run(kept) : value;
        if (Math.abs(without - value) < threshold || !read) {
          value = without;
        } else {
          kept.set(edge, true);
        }
        progress.accept(++seen);
      }
    }
    return kept.circuit();
  }

  private static boolean isRead(ComponentGraph graph, EdgeMask kept, Node.Destination destination) {
    return switch (destination) {
      case Node.HeadInput input -> graph.changed(input).stream().anyMatch(kept::isRead);
      case Node.Mlp mlp -> kept.isRead(mlp);
      case Node.Logits ignored -> true;
    };
  }
}

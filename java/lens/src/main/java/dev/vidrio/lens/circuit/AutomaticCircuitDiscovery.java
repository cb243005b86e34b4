package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Metric;
import java.util.function.IntConsumer;

/**
 * Automatic circuit discovery, ACDC (Conmy et al. 2023, arXiv 2304.14997): walks the edges of a
 * graph from the logits back to the embedding, and drops each whose removal barely changes the
 * metric. Every edge costs a run, except those into components that nothing reads any more.
 *
 * {@snippet file="LensExamplesTest.java" region="circuit"}
 */
public final class AutomaticCircuitDiscovery {
  private AutomaticCircuitDiscovery() {}

  /**
   * Finds the circuit of one pair of texts.
   *
   * @param threshold τ: an edge goes when the metric changes by less without it
   * @param candidates edges to begin with, such as {@link Circuit#whole} or the strongest that an
   *     attribution finds
   * @param progress is told how many edges have been looked at
   * @throws InvalidInputException when the threshold is negative or no number, or the model has not
   *     all the edges
   */
  public static Circuit of(
      CircuitRun run, Metric metric, double threshold, Circuit candidates, IntConsumer progress) {
    return of(CircuitRuns.of(run, metric), threshold, candidates, progress);
  }

  /**
   * Finds the circuit of several pairs of texts, by the mean of their metrics.
   *
   * @throws InvalidInputException as the other does
   */
  public static Circuit of(
      CircuitRuns runs, double threshold, Circuit candidates, IntConsumer progress) {
    if (!(threshold >= 0)) {
      throw new InvalidInputException("threshold", Double.toString(threshold), "must be 0 or more");
    }
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

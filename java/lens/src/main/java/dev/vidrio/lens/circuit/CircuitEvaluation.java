package dev.vidrio.lens.circuit;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Measures how well a circuit C explains the whole model M, by a metric F: faithfulness,
 * completeness and minimality (Wang et al. 2023, arXiv 2211.00593, section 4; section 3.2 of the
 * primer, arXiv 2405.00208). An ablated component has its output of the corrupted run.
 *
 * @see "docs/lens/circuits.md"
 */
public final class CircuitEvaluation {
  private final CircuitRuns runs;
  private final Circuit circuit;
  private final Circuit whole;

  /** Creates the evaluation of a circuit on several pairs of texts. The runs must stay open. */
  public CircuitEvaluation(CircuitRuns runs, Circuit circuit) {
    this.runs = runs;
    this.circuit = circuit;
    this.whole = Circuit.whole(runs.graph());
  }

  /**
   * The metric of a circuit, compared to that of the model.
   *
   * @param clean F(M)
   * @param corrupted the metric of the corrupted run
   * @param circuit F(C)
   */
  public record Faithfulness(double clean, double corrupted, double circuit) {
    /** Returns |F(M) − F(C)|; 0 is best. */
    public double difference() {
      return Math.abs(clean - circuit);
    }

    /**
     * Returns the fraction of the difference between the corrupted and the clean run that the
     * circuit recovers.
     */
    public double recovered() {
      return (circuit - corrupted) / (clean - corrupted);
    }
  }

  /** Runs the circuit and measures its faithfulness. */
  public Faithfulness faithfulness() {
    return new Faithfulness(runs.clean(), runs.corrupted(), runs.run(circuit));
  }

  /**
   * Returns |F(C∖K) − F(M∖K)|: whether the circuit contains all components that matter. 0 is best.
   *
   * @param removed K, components
   */
  public double completeness(Collection<? extends Node.Source> removed) {
    return Math.abs(without(circuit, removed) - without(whole, removed));
  }

  /**
   * Returns |F(C∖(K∪{v})) − F(C∖K)|: whether the circuit needs a component. 0 is worst.
   *
   * @param removed K, components
   */
  public double minimality(Node.Source component, Collection<? extends Node.Source> removed) {
    Set<Node.Source> both = new LinkedHashSet<>(removed);
    both.add(component);
    return Math.abs(without(circuit, both) - without(circuit, removed));
  }

  /** Returns F(C) − F(C∖{e}) of each edge e of the circuit, in the order of a forward pass. */
  public SequencedMap<Edge, Double> effects() {
    var kept = new EdgeMask(runs.graph(), circuit);
    double value = runs.run(kept);
    SequencedMap<Edge, Double> effects = new LinkedHashMap<>();
    runs.graph()
        .edges()
        .filter(kept::has)
        .toList()
        .forEach(
            edge -> {
              kept.set(edge, false);
              effects.put(edge, value - runs.run(kept));
              kept.set(edge, true);
            });
    return effects;
  }

  private double without(Circuit part, Collection<? extends Node.Source> removed) {
    return runs.run(part.withoutNodes(removed));
  }
}

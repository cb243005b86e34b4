package dev.vidrio.lens.circuit;

import dev.vidrio.lens.Metric;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Measures how well a circuit C explains the whole model M, by a metric F (Wang et al. 2023, arXiv
 * 2211.00593, section 4; section 3.2 of the primer, arXiv 2405.00208). A knocked-out component
 * writes what it writes in the corrupted run.
 */
public final class CircuitEvaluation {
  private final CircuitRuns runs;
  private final Circuit circuit;
  private final Circuit whole;

  /** An evaluation of a circuit of one pair of texts, whose runs must stay open. */
  public CircuitEvaluation(CircuitRun run, Metric metric, Circuit circuit) {
    this(CircuitRuns.of(run, metric), circuit);
  }

  /** An evaluation of a circuit over several pairs of texts, whose runs must stay open. */
  public CircuitEvaluation(CircuitRuns runs, Circuit circuit) {
    this.runs = runs;
    this.circuit = circuit;
    this.whole = Circuit.whole(runs.graph());
  }

  /**
   * What a circuit does without the rest of the model.
   *
   * @param clean F(M)
   * @param corrupted of the corrupted run
   * @param circuit F(C)
   */
  public record Faithfulness(double clean, double corrupted, double circuit) {
    /** |F(M) − F(C)|: 0 is best. */
    public double difference() {
      return Math.abs(clean - circuit);
    }

    /** The part of the way from the corrupted run to the clean one that the circuit goes. */
    public double recovered() {
      return (circuit - corrupted) / (clean - corrupted);
    }
  }

  /** Whether the circuit does what the model does. */
  public Faithfulness faithfulness() {
    return new Faithfulness(runs.clean(), runs.corrupted(), runs.run(circuit));
  }

  /**
   * |F(C∖K) − F(M∖K)|: whether nothing is left outside of the circuit that does the same. 0 is
   * best.
   *
   * @param removed K, components
   */
  public double completeness(Collection<? extends Node.Source> removed) {
    return Math.abs(without(circuit, removed) - without(whole, removed));
  }

  /**
   * |F(C∖(K∪{v})) − F(C∖K)|: whether the circuit needs a component. 0 is worst.
   *
   * @param removed K, components
   */
  public double minimality(Node.Source component, Collection<? extends Node.Source> removed) {
    Set<Node.Source> both = new LinkedHashSet<>(removed);
    both.add(component);
    return Math.abs(without(circuit, both) - without(circuit, removed));
  }

  /** F(C) − F(C∖{e}) of each edge e of the circuit, in the order of a forward pass. */
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

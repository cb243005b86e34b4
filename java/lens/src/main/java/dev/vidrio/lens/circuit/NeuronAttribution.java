package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;

/**
 * Attribution patching of the elements of each component's output, which the program EAP-IG calls
 * neurons: {@code Σ_i (f^A_j(corrupted) − f^A_j(clean))_i · (∂LD/∂f^A_j)_i} over the tokens i, for
 * element j of the output of a component A. The gradient is one of those of {@link EdgeScoring}.
 * Elements of a component add up to its score.
 *
 * @param clean metric of the clean run
 * @param corrupted metric of the corrupted run
 * @param scores the estimated change of the metric for each element, [d], by component in the order
 *     of the model
 * @see EdgeAttribution#components
 * @see "docs/lens/circuits.md"
 */
public record NeuronAttribution(double clean, double corrupted, Map<Node.Source, double[]> scores) {
  public NeuronAttribution {
    scores = Collections.unmodifiableMap(new LinkedHashMap<>(scores));
  }

  /**
   * Scores all elements by a method of gradients.
   *
   * @param progress receives the share of the pairs that are done, 0 to 1
   * @throws InvalidInputException if there is no pair, the model does not support a text, or the
   *     method has no gradients
   */
  public static NeuronAttribution of(
      Lens lens, List<TextPair> pairs, EdgeScoring scoring, DoubleConsumer progress) {
    Preconditions.require(
        scoring.hasGradients(),
        "method",
        scoring.method().label(),
        "must have gradients at the level of neurons");
    var scorer = new EdgeScorer(lens, pairs, scoring, true);
    scorer.run(progress);
    Map<Node.Source, double[]> scores = new LinkedHashMap<>();
    List<Node.Source> sources = scorer.graph().sources();
    for (int s = 0; s < sources.size(); s++) {
      scores.put(sources.get(s), scorer.elements(s));
    }
    return new NeuronAttribution(scorer.clean(), scorer.corrupted(), scores);
  }
}

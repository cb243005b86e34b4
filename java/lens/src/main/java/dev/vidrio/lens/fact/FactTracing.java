package dev.vidrio.lens.fact;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.fact.Fact.Part;
import dev.vidrio.lens.intervene.CausalTracing;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Causal tracing over many facts (Meng et al. 2022, arXiv 2202.05262, section 2): the average
 * indirect effect of each layer at each {@linkplain Part part} of the prompts. The indirect effect
 * of an activation is {@code P*_clean(answer) − P*(answer)}: the probability of the answer in a run
 * with noise on the subject and this activation restored, minus that of the run with noise alone.
 *
 * @param clean probability of the answer
 * @param corrupted its probability with noise on the subject
 * @param effects by part, [layers]: the average indirect effect. Positions of a part count as one
 *     value per fact, their mean; facts without the part do not count.
 * @see CausalTracing
 * @see "docs/lens/facts.md"
 */
public record FactTracing(
    CausalTracing.Site site,
    Estimate clean,
    Estimate corrupted,
    Map<Part, List<Estimate>> effects) {
  public FactTracing {
    var copy = new EnumMap<Part, List<Estimate>>(Part.class);
    effects.forEach((part, layers) -> copy.put(part, List.copyOf(layers)));
    effects = Collections.unmodifiableMap(copy);
  }

  /**
   * Traces facts one after the other.
   *
   * @throws InvalidInputException if there is no fact, or the model does not support its tokens
   */
  public static FactTracing of(
      Lens lens, List<Fact> facts, CausalTracing.Site site, CausalTracing.Options options) {
    Preconditions.require(!facts.isEmpty(), "facts", 0, "must be at least 1");
    int layers = lens.model().architecture().layers();
    var clean = new double[facts.size()];
    var corrupted = new double[facts.size()];
    Map<Part, List<double[]>> effects = new EnumMap<>(Part.class);
    for (int i = 0; i < facts.size(); i++) {
      Fact fact = facts.get(i);
      CausalTracing tracing =
          CausalTracing.of(
              lens, fact.tokens(), fact.from(), fact.to(), fact.answer(), site, options);
      clean[i] = tracing.clean();
      corrupted[i] = tracing.corrupted();
      for (Part part : Part.values()) {
        int[] positions =
            IntStream.range(fact.from(), fact.length())
                .filter(p -> fact.part(p).orElseThrow() == part)
                .toArray();
        if (positions.length > 0) {
          effects
              .computeIfAbsent(part, ignored -> new ArrayList<>())
              .add(indirect(tracing, positions, layers));
        }
      }
    }
    Map<Part, List<Estimate>> means = new EnumMap<>(Part.class);
    effects.forEach((part, values) -> means.put(part, estimates(values, layers)));
    return new FactTracing(site, Estimate.of(clean), Estimate.of(corrupted), means);
  }

  /** Returns the mean indirect effect of each layer at some positions. */
  private static double[] indirect(CausalTracing tracing, int[] positions, int layers) {
    var effects = new double[layers];
    for (int l = 0; l < layers; l++) {
      for (int p : positions) {
        effects[l] += (tracing.restored().get(l).get(p) - tracing.corrupted()) / positions.length;
      }
    }
    return effects;
  }

  /** Returns the estimate of each column of rows. */
  static List<Estimate> estimates(List<double[]> rows, int columns) {
    return IntStream.range(0, columns)
        .mapToObj(c -> Estimate.of(rows.stream().mapToDouble(row -> row[c]).toArray()))
        .toList();
  }
}

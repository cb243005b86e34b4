package dev.vidrio.lens.fact;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.fact.Fact.Part;
import dev.vidrio.lens.intervene.CausalTracing;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Causal tracing over many facts (Meng et al. 2022, arXiv 2202.05262, section 2): the average
 * indirect effect of each layer at each {@linkplain Part part} of the prompts. The indirect effect
 * of an activation is {@code P*_clean(answer) − P*(answer)}: the probability of the answer in a run
 * with noise on the subject and this activation restored, minus that of the run with noise alone.
 * {@link Sum} has means of other texts and metrics.
 *
 * @param clean probability of the answer, or the metric
 * @param corrupted its probability, or the metric, with noise on the subject
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
    return of(lens, facts, fact -> Metric.probability(fact.answer()), site, options);
  }

  /**
   * Traces facts one after the other by any metric.
   *
   * @param metric returns that of a fact
   * @throws InvalidInputException if there is no fact, or the model does not support its tokens
   */
  public static FactTracing of(
      Lens lens,
      List<Fact> facts,
      Function<Fact, Metric> metric,
      CausalTracing.Site site,
      CausalTracing.Options options) {
    Preconditions.require(!facts.isEmpty(), "facts", 0, "must be at least 1");
    var sum = new Sum(site);
    for (Fact fact : facts) {
      CausalTracing tracing =
          CausalTracing.of(
              lens, fact.tokens(), fact.from(), fact.to(), metric.apply(fact), site, options);
      sum.add(tracing, fact.from(), fact.to());
    }
    return sum.mean();
  }

  /**
   * Adds the tracings of texts up, by the parts of their prompts. Keeps a number for each layer and
   * part of a text.
   */
  public static final class Sum {
    private final CausalTracing.Site site;
    private final List<Double> clean = new ArrayList<>();
    private final List<Double> corrupted = new ArrayList<>();
    private final Map<Part, List<double[]>> effects = new EnumMap<>(Part.class);
    private int layers;

    /** Creates an empty sum of tracings of a site. */
    public Sum(CausalTracing.Site site) {
      this.site = site;
    }

    /**
     * Adds a tracing by any metric.
     *
     * @param from position of the first token of the subject
     * @param to the position after its last token
     */
    public void add(CausalTracing tracing, int from, int to) {
      int length = tracing.restored().getFirst().size();
      layers = tracing.restored().size();
      clean.add(tracing.clean());
      corrupted.add(tracing.corrupted());
      for (Part part : Part.values()) {
        int[] positions =
            IntStream.range(from, length)
                .filter(p -> Part.of(p, from, to, length).orElseThrow() == part)
                .toArray();
        if (positions.length > 0) {
          effects
              .computeIfAbsent(part, ignored -> new ArrayList<>())
              .add(indirect(tracing, positions, layers));
        }
      }
    }

    /** Returns the means of one or more tracings. */
    public FactTracing mean() {
      Map<Part, List<Estimate>> means = new EnumMap<>(Part.class);
      effects.forEach((part, values) -> means.put(part, estimates(values, layers)));
      return new FactTracing(site, Estimate.of(clean), Estimate.of(corrupted), means);
    }
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

package dev.vidrio.lens.intervene;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RowMean;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Ablates every component of a kind, one at a time, and measures the total effect on a metric.
 * {@link dev.vidrio.lens.inspect.DirectLogitAttribution} measures the direct effect alone; the two
 * differ if later components compensate for the loss (self-repair: McGrath et al. 2023, arXiv
 * 2307.15771).
 *
 * @param metric of the whole run
 * @param rows labels: layers, or heads as {@code L3.H7}
 * @param columns labels: positions, or heads of a layer
 * @param without [rows][columns]: the metric without each component
 * @see "docs/lens/interventions.md"
 */
public record ComponentAblation(
    Site site, double metric, List<String> rows, List<String> columns, List<List<Double>> without) {
  public ComponentAblation {
    rows = List.copyOf(rows);
    columns = List.copyOf(columns);
    without = without.stream().map(List::copyOf).toList();
  }

  /**
   * Zero ablation: sets each component's activation to 0.
   *
   * @throws InvalidInputException if the model has no such component, or does not support the
   *     tokens
   */
  public static ComponentAblation zero(Lens lens, int[] tokens, Metric metric, Site site) {
    return zero(lens, tokens, metric, site, List.of());
  }

  /**
   * Zero ablation of the components of some layers.
   *
   * @param layers from 0; none for all
   * @throws InvalidInputException also if a layer is out of range or has no such component
   */
  public static ComponentAblation zero(
      Lens lens, int[] tokens, Metric metric, Site site, List<Integer> layers) {
    return of(lens, tokens, metric, site, layers, Intervention::zero);
  }

  /**
   * Mean ablation: sets each component's activation to its mean in other texts, over all their
   * tokens but the first of each, which has atypical activations.
   *
   * @param texts tokens of each, two or more
   * @throws InvalidInputException also for {@link Site#PATTERN}, since its rows depend on the
   *     position
   */
  public static ComponentAblation mean(
      Lens lens, int[] tokens, Metric metric, Site site, List<int[]> texts) {
    return mean(lens, tokens, metric, site, List.of(), texts);
  }

  /**
   * Mean ablation of the components of some layers.
   *
   * @param layers from 0; none for all
   * @param texts tokens of each, two or more
   * @throws InvalidInputException also if a layer is out of range or has no such component
   */
  public static ComponentAblation mean(
      Lens lens, int[] tokens, Metric metric, Site site, List<Integer> layers, List<int[]> texts) {
    requireMeans(site, texts);
    Map<HookPoint, RowMean> means = new HashMap<>();
    for (int[] text : texts) {
      Capture capture = Capture.of("blocks.*." + site.hook.suffix()).positions(1, text.length);
      try (ActivationCache cache = lens.run(text, capture)) {
        for (HookPoint point : cache.points()) {
          means.computeIfAbsent(point, ignored -> new RowMean()).addAll(cache.get(point).rows());
        }
      }
    }
    return of(
        lens,
        tokens,
        metric,
        site,
        layers,
        point -> everywhere(point, Objects.requireNonNull(means.get(point)).mean(), tokens.length));
  }

  /**
   * Optimal ablation: sets each component's activation to its constant, with which the model loses
   * least over the texts that it was trained on (Li and Janson 2024, arXiv 2409.09951).
   *
   * @param constants of the components that are ablated
   * @throws InvalidInputException if the model does not support the tokens, or the constants are by
   *     position and there are more or fewer tokens than positions
   */
  public static ComponentAblation optimal(
      Lens lens, int[] tokens, Metric metric, OptimalConstants constants) {
    List<Integer> layers = constants.rows().keySet().stream().map(HookPoint::layer).toList();
    return of(
        lens,
        tokens,
        metric,
        constants.site(),
        layers,
        point -> constants.at(point, tokens.length));
  }

  /** Checks that components have a mean over texts. */
  static void requireMeans(Site site, List<int[]> texts) {
    if (site.hook.axes() == HookSite.Axes.QUERY_KEY) {
      throw new InvalidInputException("site", "pattern", "has no mean over positions");
    }
    if (texts.isEmpty() || texts.stream().anyMatch(text -> text.length < 2)) {
      throw new InvalidInputException("texts", "", "must be at least 1, of at least 2 tokens each");
    }
  }

  /** Sets a row at all n positions, so that parts can be selected. */
  static Intervention everywhere(HookPoint point, float[] row, int n) {
    MemorySegment rows = MemorySegment.ofArray(new float[Math.multiplyExact(n, row.length)]);
    for (int i = 0; i < n; i++) {
      MemorySegment.copy(row, 0, rows, JAVA_FLOAT, 4L * i * row.length, row.length);
    }
    return Intervention.patch(new Activation(point, List.of(n, row.length), rows), 0, n);
  }

  private static ComponentAblation of(
      Lens lens,
      int[] tokens,
      Metric metric,
      Site site,
      List<Integer> layers,
      Function<HookPoint, Intervention> ablation) {
    Preconditions.requireTokens(lens.model(), tokens);
    PatchGrid grid = PatchGrid.of(lens, site, tokens.length, layers);
    Map<HookPoint, Intervention> whole = new HashMap<>();
    List<List<Intervention>> variants =
        Stream.concat(
                grid.targets().stream()
                    .map(
                        place ->
                            List.of(place.part(whole.computeIfAbsent(place.point(), ablation)))),
                Stream.of(List.<Intervention>of()))
            .toList();
    List<Double> values = Sweep.run(lens, tokens, List.of(), variants, metric);
    return new ComponentAblation(
        site,
        values.getLast(),
        grid.rows(),
        grid.columns(),
        PatchGrid.table(values, grid.rows().size(), grid.columns().size()));
  }

  /** Returns the loss of the metric without a component: positive if the component increases it. */
  public double effect(int row, int column) {
    return metric - without.get(row).get(column);
  }

  /**
   * Returns a component's name: {@code L3.H7}, or with a position {@code L3@5}, {@code L3.H7@5}.
   */
  public String name(int row, int column) {
    return rows.get(row) + (site.byPosition() ? "@" : ".") + columns.get(column);
  }
}

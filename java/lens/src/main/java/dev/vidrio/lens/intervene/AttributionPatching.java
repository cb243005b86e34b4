package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Attribution patching (Nanda 2023; Syed et al. 2023, arXiv 2310.10348): estimates the results of
 * {@link ActivationPatching} to first order, for all components, by two forward passes and one
 * backward pass. With a the patched run's activation and ã the other run's, patching changes the
 * logit difference, or another metric, by about
 *
 * <pre>{@code (ã − a) · ∂LD/∂a}</pre>
 *
 * <p>Activations before the first difference of the texts are equal: a common prefix runs once, and
 * the gradient is computed up to it.
 *
 * <p>Methods are thread-safe.
 *
 * @see AtpStar
 * @see "docs/lens/interventions.md"
 */
public final class AttributionPatching {
  private AttributionPatching() {}

  /**
   * Estimates the result of patching every component of a kind. The metrics of the two runs are
   * exact.
   *
   * @throws InvalidInputException as {@link ActivationPatching#of(Lens, TextPair, Site, Direction)}
   *     does
   */
  public static ActivationPatching of(Lens lens, TextPair pair, Site site, Direction direction) {
    return of(lens, List.of(pair), site, direction);
  }

  /**
   * Estimates the results for several pairs of texts.
   *
   * @throws InvalidInputException as {@link ActivationPatching#of(Lens, List, Site, Direction)}
   *     does
   */
  public static ActivationPatching of(
      Lens lens, List<TextPair> pairs, Site site, Direction direction) {
    PatchGrid grid = ActivationPatching.grid(lens, pairs, site);
    var means = new ActivationPatching.Means(grid, pairs.size());
    for (TextPair pair : pairs) {
      add(lens, pair, site, direction, grid, means);
    }
    return means.scores(site, direction);
  }

  private static void add(
      Lens lens,
      TextPair pair,
      Site site,
      Direction direction,
      PatchGrid grid,
      ActivationPatching.Means means) {
    int[] source = ActivationPatching.source(pair, direction);
    int[] patched = ActivationPatching.patched(pair, direction);
    String hooks = "blocks.*." + site.hook.suffix();
    // Patterns are computed for whole runs.
    int from = site == Site.PATTERN ? 0 : pair.commonPrefix();
    int n = pair.length();
    DifferentiableMetric metric = pair.metric();
    GradientOptions options = GradientOptions.of(hooks, n).withLogits(metric.positions());
    try (GradientSession session = GradientSession.open(lens, options)) {
      if (from > 0) {
        session.prefix(Arrays.copyOf(patched, from));
      }
      session.forward(Arrays.copyOfRange(source, from, n));
      double there = metric.of(session.activation(HookPoint.of(HookSite.LOGITS)).data());
      Map<HookPoint, float[]> changes = activations(lens, session, source);
      double here = session.run(Arrays.copyOfRange(patched, from, n), metric);
      activations(lens, session, patched)
          .forEach((point, x) -> changes.merge(point, x, Vectors::minus));
      Map<HookPoint, float[]> gradients = new HashMap<>();
      session.points().forEach(p -> gradients.put(p, session.gradient(p).toArray()));
      int heads = site.parts == Site.Parts.POSITIONS ? 1 : PatchGrid.heads(lens, site);
      List<Double> values =
          grid.targets().stream()
              .map(
                  place -> {
                    float[] change = Objects.requireNonNull(changes.get(place.point()));
                    float[] gradient = Objects.requireNonNull(gradients.get(place.point()));
                    return here + place.product(change, gradient, from, n, heads);
                  })
              .toList();
      means.add(values, here, there);
    }
  }

  /**
   * Returns the activations of the session's last run; those that it does not compute are taken
   * from a separate run.
   */
  private static Map<HookPoint, float[]> activations(
      Lens lens, GradientSession session, int[] tokens) {
    Map<HookPoint, float[]> activations = new HashMap<>();
    if (session.points().getFirst().site() != HookSite.PATTERN) {
      session.points().forEach(p -> activations.put(p, session.activation(p).toArray()));
      return activations;
    }
    try (ActivationCache cache = lens.run(tokens, Capture.of("*." + HookSite.PATTERN.suffix()))) {
      cache.points().forEach(p -> activations.put(p, cache.get(p).toArray()));
    }
    return activations;
  }
}

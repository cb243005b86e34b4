package dev.vidrio.lens.intervene;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AttributionPatchingTest extends F32BardTest {
  private static final int[] CLEAN = {5, 120, 44, 700, 31, 8, 90};
  private static final int[] CORRUPTED = {5, 120, 45, 700, 31, 9, 90};
  private static final int ANSWER = 300;
  private static final int WRONG = 301;
  private static final TextPair PAIR = TextPair.of(CLEAN, CORRUPTED, ANSWER, WRONG);
  private static final DifferentiableMetric METRIC = Metric.logitDifference(ANSWER, WRONG);

  private static ActivationPatching estimate(Site site, Direction direction) {
    return AttributionPatching.of(lens, PAIR, site, direction);
  }

  /** The estimates are derivatives: how scores move when a small part is patched. */
  @ParameterizedTest
  @EnumSource(Site.class)
  void scoresAreDerivatives(Site site) {
    float part = 1f / 64;
    for (Direction direction : Direction.values()) {
      boolean denoising = direction == Direction.DENOISING;
      ActivationPatching actual = estimate(site, direction);
      double scale = actual.clean() - actual.corrupted();
      double before = denoising ? 0 : 1;
      PatchGrid grid = PatchGrid.of(lens, site, CLEAN.length);
      String hooks = "blocks.*." + site.hook.suffix();
      int[] here = denoising ? CORRUPTED : CLEAN;
      int[] there = denoising ? CLEAN : CORRUPTED;
      try (ActivationCache more = moved(here, there, hooks, part);
          ActivationCache less = moved(here, there, hooks, -part)) {
        List<List<Intervention>> variants =
            grid.targets().stream()
                .flatMap(
                    place ->
                        Stream.of(more, less)
                            .map(
                                cache ->
                                    List.of(place.part(Intervention.patch(cache, place.point())))))
                .toList();
        List<Double> values = Sweep.run(lens, here, List.of(), variants, METRIC);
        List<Double> all = actual.scores().stream().flatMap(List::stream).toList();
        double greatest = all.stream().mapToDouble(s -> Math.abs(s - before)).max().orElseThrow();
        for (int i = 0; i < all.size(); i++) {
          double slope = (values.get(2 * i) - values.get(2 * i + 1)) / (2 * part) / scale;
          assertEquals(before + slope, all.get(i), 1e-2 * greatest, grid.targets().get(i) + "");
        }
      }
    }
  }

  /** The activations of a run, moved by a part of the way to those of another. */
  private static ActivationCache moved(int[] here, int[] there, String hooks, float part) {
    ActivationCache cache = lens.run(here, Capture.of(hooks));
    try (ActivationCache other = lens.run(there, Capture.of(hooks))) {
      for (HookPoint point : cache.points()) {
        float[] a = cache.get(point).toArray();
        float[] b = other.get(point).toArray();
        for (int i = 0; i < a.length; i++) {
          cache.get(point).data().setAtIndex(JAVA_FLOAT, i, a[i] + part * (b[i] - a[i]));
        }
      }
    }
    return cache;
  }

  @Test
  void keepsExactLogitDifferences() {
    ActivationPatching exact = ActivationPatching.of(lens, PAIR, Site.MLP_OUT, Direction.NOISING);
    ActivationPatching estimate = estimate(Site.MLP_OUT, Direction.NOISING);
    assertEquals(exact.clean(), estimate.clean());
    assertEquals(exact.corrupted(), estimate.corrupted());
    assertEquals(exact.rows(), estimate.rows());
    assertEquals(exact.columns(), estimate.columns());
  }

  /** By definition linear in each pair's own estimates. */
  @Test
  void severalPairsAreAveraged() {
    int[] other = {5, 9, 44, 17, 31, 8, 2, 60};
    int[] without = {5, 9, 45, 17, 33, 8, 2, 60};
    List<TextPair> pairs =
        List.of(PAIR, new TextPair(other, without, Metric.logProbability(ANSWER)));
    ActivationPatching both = AttributionPatching.of(lens, pairs, Site.HEAD, Direction.DENOISING);
    double expected = 0;
    for (TextPair pair : pairs) {
      ActivationPatching one = AttributionPatching.of(lens, pair, Site.HEAD, Direction.DENOISING);
      expected +=
          (one.corrupted() + one.scores().get(2).get(3) * (one.clean() - one.corrupted())) / 2;
    }
    double actual =
        both.corrupted() + both.scores().get(2).get(3) * (both.clean() - both.corrupted());
    assertEquals(expected, actual, 1e-9 * Math.abs(expected));
  }

  @Test
  void rejectsInvalidPairs() {
    int[] longer = Arrays.copyOf(CORRUPTED, 8);
    assertThrows(InvalidInputException.class, () -> TextPair.of(CLEAN, longer, ANSWER, WRONG));
    assertThrows(
        InvalidInputException.class,
        () -> AttributionPatching.of(lens, List.of(), Site.HEAD, Direction.NOISING));
  }
}

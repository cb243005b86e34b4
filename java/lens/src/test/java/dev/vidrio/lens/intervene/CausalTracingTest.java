package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.CausalTracing.Options;
import dev.vidrio.lens.intervene.CausalTracing.Site;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CausalTracingTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90};
  private static final int ANSWER = 300;
  private static final int LAST = TOKENS.length - 1;

  private static CausalTracing trace(Site site, Options options) {
    return CausalTracing.of(lens, TOKENS, 2, 4, ANSWER, site, options);
  }

  private static double probability(List<Intervention> edits) {
    Capture last = Capture.of("unembed.hook_out").positions(LAST, LAST + 1);
    try (ActivationCache cache = lens.run(TOKENS, last, edits)) {
      return Metric.probability(ANSWER).of(cache.get(HookSite.LOGITS).data());
    }
  }

  private static Intervention noise(Options options) {
    try (ActivationCache cache = lens.run(TOKENS, Capture.of("hook_embed"))) {
      float[] values = cache.get(HookSite.EMBED).toArray();
      double mean = 0;
      for (float value : values) {
        mean += value / (double) values.length;
      }
      double variance = 0;
      for (float value : values) {
        variance += (value - mean) * (value - mean) / values.length;
      }
      return Ablation.noise(
          HookPoint.of(HookSite.EMBED),
          256,
          2,
          4,
          options.noise() * Math.sqrt(variance),
          options.seed());
    }
  }

  /** The definition, one run after the other; noise may differ in a last bit. */
  @ParameterizedTest
  @EnumSource(Site.class)
  void restoredEqualsSingleRuns(Site site) {
    Options options = new Options(3, 1, 2, 11);
    CausalTracing actual = trace(site, options);
    assertEquals(probability(List.of()), actual.clean());
    Intervention noise = noise(options);
    assertEquals(probability(List.of(noise)), actual.corrupted(), 1e-5 * actual.corrupted());
    HookSite hook = HookSite.valueOf(site.name());
    try (ActivationCache clean = lens.run(TOKENS, Capture.of("*." + hook.suffix()))) {
      for (int l = 0; l < 4; l++) {
        for (int p = 0; p < TOKENS.length; p++) {
          // Windows of two: the layer before, and the layer itself.
          List<Intervention> edits = new ArrayList<>(List.of(noise));
          for (int k = Math.max(0, l - 1); k <= l; k++) {
            edits.add(Intervention.patch(clean, new HookPoint(hook, k)).position(p));
          }
          double expected = probability(edits);
          assertEquals(expected, actual.restored().get(l).get(p), 1e-5 * expected);
        }
      }
    }
  }

  @Test
  void lastStreamRestoresAnswer() {
    CausalTracing actual = trace(Site.RESID_POST, new Options(3, 1, 1, 5));
    assertEquals(actual.clean(), actual.restored().getLast().get(LAST));
    // Activations that noise does not reach restore nothing.
    for (int l = 0; l < 4; l++) {
      assertEquals(actual.corrupted(), actual.restored().get(l).get(0));
      assertEquals(actual.corrupted(), actual.restored().get(l).get(1));
    }
  }

  @Test
  void runsAreAveraged() {
    CausalTracing both = trace(Site.MLP_OUT, new Options(3, 2, 1, 20));
    CausalTracing first = trace(Site.MLP_OUT, new Options(3, 1, 1, 20));
    CausalTracing second = trace(Site.MLP_OUT, new Options(3, 1, 1, 21));
    assertEquals((first.corrupted() + second.corrupted()) / 2, both.corrupted(), 1e-12);
    assertEquals(
        (first.restored().get(1).get(3) + second.restored().get(1).get(3)) / 2,
        both.restored().get(1).get(3),
        1e-12);
  }

  @Test
  void rejectsInvalidEdits() {
    assertThrows(InvalidInputException.class, () -> new Options(0, 1, 1, 0));
    assertThrows(InvalidInputException.class, () -> new Options(1, 0, 1, 0));
    assertThrows(InvalidInputException.class, () -> new Options(1, 1, 0, 0));
    for (int[] subject : new int[][] {{-1, 2}, {3, 3}, {5, 8}}) {
      assertThrows(
          InvalidInputException.class,
          () ->
              CausalTracing.of(
                  lens, TOKENS, subject[0], subject[1], 1, Site.MLP_OUT, Options.DEFAULT));
    }
    assertThrows(
        InvalidInputException.class,
        () -> CausalTracing.of(lens, TOKENS, 1, 2, 2048, Site.MLP_OUT, Options.DEFAULT));
  }
}

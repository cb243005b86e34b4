package dev.vidrio.lens.attribute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OcclusionTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90};
  private static final Metric METRIC = Metric.logitDifference(3, 400);

  private static double run(List<Intervention> edits) {
    try (ActivationCache cache = lens.run(TOKENS, Capture.of("unembed.hook_out"), edits)) {
      float[] logits = cache.get(HookSite.LOGITS).row(TOKENS.length - 1);
      return (double) logits[3] - logits[400];
    }
  }

  @Test
  void zeroRemovesEmbedding() {
    Occlusion occlusion = Occlusion.of(lens, TOKENS, Removal.zero(), METRIC);
    assertEquals(run(List.of()), occlusion.metric());
    for (int j = 0; j < TOKENS.length; j++) {
      Intervention zero = Intervention.zero(HookPoint.of(HookSite.EMBED)).position(j);
      assertEquals(run(List.of(zero)), occlusion.without().get(j));
      assertEquals(occlusion.metric() - occlusion.without().get(j), occlusion.effect(j));
    }
  }

  @Test
  void hideRemovesTokenFromPatterns() {
    Occlusion occlusion = Occlusion.of(lens, TOKENS, Removal.hide(), METRIC);
    int n = TOKENS.length;
    assertEquals(0, occlusion.effect(n - 1));
    for (int j = 0; j < n - 1; j++) {
      List<Intervention> hidden = new ArrayList<>();
      for (int l = 0; l < model.architecture().layers(); l++) {
        hidden.add(Intervention.knockOut(l, j, j + 1).positions(j + 1, n));
      }
      assertEquals(run(hidden), occlusion.without().get(j));
    }
    // The remaining tokens receive all attention of the last token.
    List<Intervention> all = new ArrayList<>();
    for (int l = 0; l < model.architecture().layers(); l++) {
      all.add(Intervention.knockOut(l, 1, n - 1).position(n - 1));
    }
    try (ActivationCache cache = lens.run(TOKENS, Capture.of("*.hook_pattern"), all)) {
      for (int h = 0; h < 8; h++) {
        Activation pattern = cache.get(HookSite.PATTERN, 2);
        double own = (double) pattern.at(h, n - 1, 0) + pattern.at(h, n - 1, n - 1);
        assertEquals(1, own, 1e-6);
      }
    }
  }

  /** A recurrence tells later tokens of one that attention does not show them. */
  @ParameterizedTest
  @ValueSource(strings = {"falcon-h1", "qwen3next", "lfm2moe"})
  void hidingNeedsAttentionAlone(String name, @TempDir Path directory) throws IOException {
    int[] tokens = {3, 5, 7};
    Metric metric = Metric.logitDifference(3, 9);
    Path file = TinyModels.write(directory.resolve(name + ".gguf"), name);
    try (Model tiny = Model.open(file)) {
      Lens own = Lens.of(tiny);
      String message =
          assertThrows(
                  InvalidInputException.class,
                  () -> Occlusion.of(own, tokens, Removal.hide(), metric))
              .getMessage();
      assertTrue(message.startsWith("hiding of tokens: layer 0 has a "), message);
      assertEquals(3, Occlusion.of(own, tokens, Removal.zero(), metric).without().size());
    }
  }
}

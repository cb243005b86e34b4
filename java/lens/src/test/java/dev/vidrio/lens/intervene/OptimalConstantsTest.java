package dev.vidrio.lens.intervene;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.OptimalConstants.Loss;
import dev.vidrio.model.sampling.SplitMix64;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Constants by code in the middle of the pass, which has no part in training. */
class OptimalConstantsTest extends F32BardTest {
  private static List<int[]> texts() {
    List<int[]> texts = new ArrayList<>();
    for (int noun : new int[] {120, 44, 700, 31, 90}) {
      texts.add(new int[] {5, noun, 8, 61});
    }
    return texts;
  }

  /** Returns the divergence of a text if a part of a point has values at a position, or at all. */
  private static double loss(int[] text, HookPoint point, int position, float[] row, int begin) {
    Hook hook =
        rows -> {
          for (int i = 0; i < rows.size(); i++) {
            if (position < 0 || rows.position(i) == position) {
              MemorySegment.copy(row, 0, rows.row(i), JAVA_FLOAT, 4L * begin, row.length);
            }
          }
        };
    Capture last = Capture.of("unembed.hook_out").positions(text.length - 1, text.length);
    try (ActivationCache cache = lens.run(text, last, Map.of(point, hook))) {
      return Metric.divergence(lens, text).of(cache.get(HookSite.LOGITS).data());
    }
  }

  private static double mean(
      List<int[]> texts, HookPoint point, int position, float[] row, int begin) {
    return texts.stream().mapToDouble(text -> loss(text, point, position, row, begin)).sum()
        / texts.size();
  }

  private static float[] part(OptimalConstants constants, HookPoint point, int begin, int width) {
    var part = new float[width];
    System.arraycopy(Objects.requireNonNull(constants.rows().get(point)), begin, part, 0, width);
    return part;
  }

  /** The constants of heads have the loss that is stated, less than constants around them. */
  @Test
  @Tag("long")
  void headsLoseLittle() {
    List<int[]> texts = texts();
    OptimalConstants constants =
        OptimalConstants.of(
            lens, texts, Site.HEAD, List.of(1), new ConstantTraining(40, 0.1), share -> {});
    assertEquals(8, constants.losses().size());
    double ofMeans = constants.losses().stream().mapToDouble(Loss::mean).sum();
    double ofConstants = constants.losses().stream().mapToDouble(Loss::optimal).sum();
    assertTrue(ofConstants < 0.8 * ofMeans, ofConstants + " against " + ofMeans);
    HookPoint point = new HookPoint(HookSite.Z, 1);
    var random = new SplitMix64(5);
    for (int h = 0; h < 8; h++) {
      float[] row = part(constants, point, 32 * h, 32);
      double optimal = constants.losses().get(h).optimal();
      assertEquals(optimal, mean(texts, point, -1, row, 32 * h), 1e-6);
      assertTrue(optimal < mean(texts, point, -1, new float[32], 32 * h));
      for (int j = 0; j < 32; j++) {
        row[j] += (float) (random.nextDouble() - 0.5);
      }
      assertTrue(optimal < mean(texts, point, -1, row, 32 * h));
    }
    ComponentAblation ablation =
        ComponentAblation.optimal(
            lens, texts.get(1), Metric.divergence(lens, texts.get(1)), constants);
    assertEquals(List.of("L1"), ablation.rows());
    assertEquals(
        loss(texts.get(1), point, -1, part(constants, point, 96, 32), 96),
        ablation.without().getFirst().get(3),
        1e-6);
  }

  /** Components at positions have constants of their own. */
  @Test
  void positionsHaveTheirOwnConstants() {
    List<int[]> texts = texts();
    OptimalConstants constants =
        OptimalConstants.of(
            lens, texts, Site.MLP_OUT, List.of(2), new ConstantTraining(10, 0.1), share -> {});
    assertEquals(4, constants.length());
    HookPoint point = new HookPoint(HookSite.MLP_OUT, 2);
    for (int p = 0; p < 4; p++) {
      Loss loss = constants.losses().get(p);
      assertTrue(loss.optimal() <= loss.mean());
      double expected = mean(texts, point, p, part(constants, point, 256 * p, 256), 0);
      assertEquals(expected, loss.optimal(), 1e-6);
    }
    Metric metric = Metric.logitDifference(300, 301);
    int[] other = {5, 6, 7};
    assertThrows(
        InvalidInputException.class,
        () -> ComponentAblation.optimal(lens, other, metric, constants));
  }

  private static void refuses(String message, List<int[]> texts, Site site, List<Integer> layers) {
    var e =
        assertThrows(
            InvalidInputException.class,
            () ->
                OptimalConstants.of(
                    lens, texts, site, layers, ConstantTraining.DEFAULT, share -> {}));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @Test
  void rejectsInvalidInput() {
    refuses("must be at least 1", List.of(), Site.HEAD, List.of());
    refuses("must be at least 1", List.of(new int[] {1}), Site.HEAD, List.of());
    refuses("has no mean over positions", texts(), Site.PATTERN, List.of());
    refuses("layer 4: must be", texts(), Site.HEAD, List.of(4));
    refuses(
        "must be as long as the first, 2",
        List.of(new int[] {1, 2}, new int[] {1, 2, 3}),
        Site.MLP_OUT,
        List.of());
    assertThrows(InvalidInputException.class, () -> new ConstantTraining(0, 0.1));
    assertThrows(InvalidInputException.class, () -> new ConstantTraining(1, 0));
  }
}

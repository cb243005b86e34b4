package dev.vidrio.lens.intervene;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The definition by code in the middle of the pass, which has no part in edits and sweeps. */
class ComponentAblationTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90};
  private static final List<int[]> TEXTS = List.of(new int[] {1, 2, 3}, new int[] {9, 8, 7, 6});
  private static final Metric METRIC = Metric.logitDifference(300, 301);

  /** Writes a part of a row over every row at a position, or at all where that is −1. */
  private static double with(HookPoint point, int position, float[] row, int begin, int end) {
    Hook hook =
        rows -> {
          for (int i = 0; i < rows.size(); i++) {
            if (position < 0 || rows.position(i) == position) {
              MemorySegment.copy(row, begin, rows.row(i), JAVA_FLOAT, 4L * begin, end - begin);
            }
          }
        };
    try (ActivationCache cache =
        lens.run(TOKENS, Capture.of("unembed.hook_out").positions(6, 7), Map.of(point, hook))) {
      return METRIC.of(cache.get(HookSite.LOGITS).data());
    }
  }

  @Test
  void headsBecomeZeros() {
    ComponentAblation actual = ComponentAblation.zero(lens, TOKENS, METRIC, Site.HEAD);
    assertEquals(METRIC.of(lens, TOKENS), actual.metric());
    for (int h = 0; h < 8; h++) {
      double without = with(new HookPoint(HookSite.Z, 2), -1, new float[256], 32 * h, 32 * h + 32);
      assertEquals(without, actual.without().get(2).get(h));
      assertEquals(actual.metric() - without, actual.effect(2, h));
    }
    assertEquals("L2.H5", actual.name(2, 5));
  }

  @Test
  void blocksBecomeMeans() {
    ComponentAblation actual = ComponentAblation.mean(lens, TOKENS, METRIC, Site.MLP_OUT, TEXTS);
    HookPoint point = new HookPoint(HookSite.MLP_OUT, 1);
    assertEquals(with(point, 3, mean(point, 256), 0, 256), actual.without().get(1).get(3));
    assertEquals("L1@3", actual.name(1, 3));
  }

  /** Heads that share their values lose them together. */
  @Test
  void valuesBecomeMeans() {
    ComponentAblation actual = ComponentAblation.mean(lens, TOKENS, METRIC, Site.V, TEXTS);
    assertEquals(4, actual.columns().size());
    HookPoint point = new HookPoint(HookSite.V, 3);
    assertEquals(with(point, -1, mean(point, 128), 64, 96), actual.without().get(3).get(2));
  }

  /** Covers all tokens but the first of each text. */
  private static float[] mean(HookPoint point, int width) {
    var sum = new double[width];
    int count = 0;
    for (int[] text : TEXTS) {
      try (ActivationCache cache = lens.run(text, Capture.of(point.name()))) {
        for (int i = 1; i < text.length; i++, count++) {
          float[] row = cache.get(point).row(i);
          for (int j = 0; j < width; j++) {
            sum[j] += row[j];
          }
        }
      }
    }
    var mean = new float[width];
    for (int j = 0; j < width; j++) {
      mean[j] = (float) (sum[j] / count);
    }
    return mean;
  }

  private static void refused(String expected, Runnable action) {
    String message = assertThrows(InvalidInputException.class, action::run).getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsInvalidEdits() {
    refused(
        "site pattern: has no mean over positions",
        () -> ComponentAblation.mean(lens, TOKENS, METRIC, Site.PATTERN, TEXTS));
    refused(
        "must be at least 1, of at least 2 tokens each",
        () -> ComponentAblation.mean(lens, TOKENS, METRIC, Site.HEAD, List.of(new int[] {1})));
    refused("must have 1 to", () -> ComponentAblation.zero(lens, new int[0], METRIC, Site.HEAD));
  }
}

package dev.vidrio.lens.intervene;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.hook.InterventionKind;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AblationTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90};
  private static final HookPoint POINT = new HookPoint(HookSite.MLP_OUT, 2);
  private static final Capture CAPTURE = Capture.of(POINT.name());
  private static final int D = 256;

  private static float[][] rows(List<Intervention> edits) {
    try (ActivationCache cache = lens.run(TOKENS, CAPTURE, edits)) {
      var rows = new float[TOKENS.length][];
      Arrays.setAll(rows, cache.get(POINT)::row);
      return rows;
    }
  }

  @Test
  void meanCoversAllRows() {
    try (ActivationCache a = lens.run(new int[] {1, 2, 3}, CAPTURE);
        ActivationCache b = lens.run(new int[] {9, 8}, CAPTURE)) {
      float[][] actual = rows(List.of(Ablation.mean(POINT, List.of(a, b))));
      for (int j = 0; j < D; j++) {
        double sum = 0;
        for (int i = 0; i < 3; i++) {
          sum += a.get(POINT).at(i, j);
        }
        for (int i = 0; i < 2; i++) {
          sum += b.get(POINT).at(i, j);
        }
        for (float[] row : actual) {
          assertEquals((float) (sum / 5), row[j]);
        }
      }
    }
    assertThrows(InvalidInputException.class, () -> Ablation.mean(POINT, List.of()));
  }

  @Test
  void meanPatternsAreByPosition() {
    HookPoint point = new HookPoint(HookSite.PATTERN, 1);
    Capture capture = Capture.of(point.name());
    int[] other = {7, 7, 3, 500, 2, 1, 0};
    try (ActivationCache a = lens.run(TOKENS, capture);
        ActivationCache b = lens.run(other, capture);
        ActivationCache few = lens.run(new int[] {1, 2}, capture);
        ActivationCache mean =
            lens.run(TOKENS, capture, List.of(Ablation.mean(point, List.of(a, b))))) {
      for (int h = 0; h < 8; h++) {
        for (int i = 0; i < TOKENS.length; i++) {
          for (int t = 0; t <= i; t++) {
            double expected = ((double) a.get(point).at(h, i, t) + b.get(point).at(h, i, t)) / 2;
            assertEquals((float) expected, mean.get(point).at(h, i, t));
          }
        }
      }
      assertThrows(InvalidInputException.class, () -> Ablation.mean(point, List.of(a, few)));
      assertThrows(
          InvalidInputException.class, () -> Ablation.resample(point, List.of(a), 0, 2, 1));
    }
  }

  @Test
  void resamplingTakesRowsOfTheOtherRuns() {
    try (ActivationCache a = lens.run(new int[] {1, 2, 3}, CAPTURE);
        ActivationCache b = lens.run(new int[] {9, 8}, CAPTURE)) {
      Set<FloatBuffer> pool = new HashSet<>();
      for (ActivationCache run : List.of(a, b)) {
        for (int i = 0; i < run.rows(); i++) {
          pool.add(FloatBuffer.wrap(run.get(POINT).row(i)));
        }
      }
      Set<FloatBuffer> drawn = new HashSet<>();
      for (long seed = 0; seed < 12; seed++) {
        float[][] first = rows(List.of(Ablation.resample(POINT, List.of(a, b), 2, 6, seed)));
        float[][] again = rows(List.of(Ablation.resample(POINT, List.of(a, b), 2, 6, seed)));
        float[][] plain = rows(List.of());
        for (int i = 0; i < TOKENS.length; i++) {
          assertArrayEquals(first[i], again[i]);
          if (i >= 2 && i < 6) {
            drawn.add(FloatBuffer.wrap(first[i]));
          } else {
            assertArrayEquals(plain[i], first[i]);
          }
        }
      }
      assertEquals(pool, drawn);
      assertThrows(InvalidInputException.class, () -> Ablation.resample(POINT, List.of(), 0, 1, 0));
    }
  }

  /** Mean and deviation lie within 4 standard errors, 1/√n and 1/√(2n). */
  @Test
  void noiseIsNormal() {
    int n = 20_000;
    var kind = (InterventionKind.Edit) Ablation.noise(POINT, n / 2, 3, 5, 0.5, 42).kind();
    var noise = (EditKind.Add) kind.edit();
    double sum = 0;
    double squares = 0;
    int beyond = 0;
    for (int i = 0; i < n; i++) {
      double value = noise.values().getAtIndex(JAVA_FLOAT, i) / 0.5;
      sum += value;
      squares += value * value;
      beyond += Math.abs(value) > 1.959964 ? 1 : 0;
    }
    assertEquals(0, sum / n, 4 / Math.sqrt(n));
    assertEquals(1, Math.sqrt(squares / n), 4 / Math.sqrt(2.0 * n));
    assertEquals(0.05, beyond / (double) n, 4 * Math.sqrt(0.05 * 0.95 / n));
    float[][] first = rows(List.of(Ablation.noise(POINT, D, 1, 3, 2, 7)));
    float[][] again = rows(List.of(Ablation.noise(POINT, D, 1, 3, 2, 7)));
    float[][] other = rows(List.of(Ablation.noise(POINT, D, 1, 3, 2, 8)));
    assertTrue(Arrays.deepEquals(first, again));
    assertTrue(!Arrays.equals(first[2], other[2]));
    assertArrayEquals(first[0], other[0]);
  }
}

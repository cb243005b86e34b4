package dev.vidrio.lens.decode.probe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.hook.ActivationCache;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Erasure against the authors' program, and by what it promises. */
class LeaceTest extends BardTest {
  @Test
  void matchesReferenceImplementation() {
    Leace leace = Leace.fit(ProbesFile.examples(3));
    float[][] expected = ProbesFile.matrix("leace_projection");
    double[][] actual = leace.projection();
    assertEquals(2, leace.rank());
    for (int i = 0; i < expected.length; i++) {
      for (int j = 0; j < expected.length; j++) {
        assertEquals(expected[i][j], actual[i][j], 1e-4);
      }
    }
  }

  /** Then the means of all classes are one, and no linear probe beats the most frequent class. */
  @Test
  void erasureDefeatsLinearProbes() {
    Examples examples = ProbesFile.examples(3);
    Leace leace = Leace.fit(examples);
    Examples erased = leace.erase(examples);
    for (int j = 0; j < ProbesFile.WIDTH; j++) {
      for (int c = 1; c < 3; c++) {
        assertEquals(mean(erased, 0, j), mean(erased, c, j), 1e-5);
      }
    }
    LinearProbe probe = LinearProbe.logistic(model.executor(), erased, 1e-3);
    assertEquals(erased.majority(), probe.accuracy(erased), 1e-9);
    assertTrue(
        LinearProbe.logistic(model.executor(), examples, 1e-3).accuracy(examples)
            > examples.majority() + 0.2);
  }

  /** Erasure does not depend on the units of dimensions. */
  @Test
  void unitsOfDimensionsDoNotMatter() {
    Examples examples = ProbesFile.examples(3);
    float[] units = {1, 1 << 14, 1f / 1024, 1, 1 << 20, 1, 1, 16};
    Examples erased = Leace.fit(examples).erase(examples);
    Examples other = ProbesFile.scaled(examples, units);
    Examples otherErased = Leace.fit(other).erase(other);
    for (int i = 0; i < examples.size(); i++) {
      for (int j = 0; j < ProbesFile.WIDTH; j++) {
        assertEquals(erased.row(i)[j], otherErased.row(i)[j] / units[j], 1e-5);
      }
    }
  }

  /** First tokens of some models have elements thousands of times as large as all others. */
  @Test
  void massiveActivationsHideNothing() {
    Examples plain = ProbesFile.examples(3);
    float[][] rows = plain.rows().clone();
    rows[0] = rows[0].clone();
    rows[0][3] += 20000;
    rows[0][5] -= 900;
    Examples examples = plain.withRows(rows);
    Leace leace = Leace.fit(examples);
    assertEquals(2, leace.rank());
    Examples erased = leace.erase(examples);
    for (int j = 0; j < ProbesFile.WIDTH; j++) {
      // Sums of elements of this size, in f32.
      float tolerance = j == 3 || j == 5 ? 1e-3f : 1e-5f;
      for (int c = 1; c < 3; c++) {
        assertEquals(mean(erased, 0, j), mean(erased, c, j), tolerance);
      }
    }
  }

  private static double mean(Examples examples, int label, int j) {
    return IntStream.range(0, examples.size())
        .filter(i -> examples.label(i) == label)
        .mapToDouble(i -> examples.row(i)[j])
        .average()
        .orElseThrow();
  }

  /** With fewer examples than dimensions the covariance has no inverse. */
  @Test
  void handlesFewExamples() {
    Examples examples = ProbesFile.examples(3);
    var rows = new float[6][];
    var labels = new int[6];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = examples.row(i);
      labels[i] = examples.label(i);
    }
    var few = new Examples(rows, labels, labels, 3);
    Examples erased = Leace.fit(few).erase(few);
    LinearProbe probe = LinearProbe.logistic(model.executor(), erased, 1e-3);
    assertEquals(few.majority(), probe.accuracy(erased), 1e-9);
  }

  /** Erased in the pass, as erased after it. */
  @Test
  void hookErasesInThePass() {
    HookPoint point = new HookPoint(HookSite.RESID_POST, 1);
    int[] tokens = model.tokenizer().encode("To be, or not to be: that is the question");
    try (ActivationCache plain = lens.run(tokens, Capture.of(point.name()))) {
      int n = plain.rows();
      var rows = new float[n][];
      var labels = new int[n];
      for (int i = 0; i < n; i++) {
        rows[i] = plain.get(point).row(i);
        labels[i] = i % 2;
      }
      Leace leace = Leace.fit(new Examples(rows, labels, tokens, 2));
      try (ActivationCache erased =
          lens.run(tokens, Capture.of(point.name()), Map.of(point, leace.hook()))) {
        for (int i = 0; i < n; i++) {
          assertArrayEquals(leace.erase(rows[i]), erased.get(point).row(i));
        }
      }
    }
  }
}

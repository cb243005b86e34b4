package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.vector.DoubleVectors;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Erasure against the authors' program, and by what it promises. */
class LeaceTest extends BardTest {
  @Test
  void isThatOfItsAuthors() {
    Leace leace = Leace.fit(model.executor(), ProbesFile.examples(3));
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
  void nothingIsLeftToLinearProbes() {
    Examples examples = ProbesFile.examples(3);
    Leace leace = Leace.fit(model.executor(), examples);
    Examples erased = leace.erase(examples);
    var means = new double[3][ProbesFile.WIDTH];
    var counts = new int[3];
    for (int i = 0; i < erased.size(); i++) {
      counts[erased.label(i)]++;
      for (int j = 0; j < ProbesFile.WIDTH; j++) {
        means[erased.label(i)][j] += erased.row(i)[j];
      }
    }
    for (int c = 0; c < 3; c++) {
      DoubleVectors.scale(means[c], 1.0 / counts[c]);
      assertArrayEquals(means[0], means[c], 1e-4);
    }
    LinearProbe probe = LinearProbe.logistic(model.executor(), erased, 1e-3);
    assertEquals(erased.majority(), probe.accuracy(erased), 1e-9);
    assertTrue(
        LinearProbe.logistic(model.executor(), examples, 1e-3).accuracy(examples)
            > examples.majority() + 0.2);
  }

  /** With fewer examples than dimensions the covariance has no inverse. */
  @Test
  void ofFewExamples() {
    Examples examples = ProbesFile.examples(3);
    var rows = new float[6][];
    var labels = new int[6];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = examples.row(i);
      labels[i] = examples.label(i);
    }
    var few = new Examples(rows, labels, labels, 3);
    Examples erased = Leace.fit(model.executor(), few).erase(few);
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
      Leace leace = Leace.fit(model.executor(), new Examples(rows, labels, tokens, 2));
      try (ActivationCache erased =
          lens.run(tokens, Capture.of(point.name()), Map.of(point, leace.hook()))) {
        for (int i = 0; i < n; i++) {
          assertArrayEquals(leace.erase(rows[i]), erased.get(point).row(i));
        }
      }
    }
  }
}

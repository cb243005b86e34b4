package dev.vidrio.lens.decode.probe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.decode.probe.LinearProbe.Kind;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Probes against scikit-learn's, and against their controls. */
class LinearProbeTest {
  /** Tolerance of coefficients of magnitude 1; products are f32, minima flat. */
  private static final double TOLERANCE = 5e-4;

  private static Executor executor;

  @BeforeAll
  static void open() {
    executor = NativeExecutor.create();
  }

  @AfterAll
  static void close() {
    executor.close();
  }

  private static void assertClassEquals(
      float[] weights, double bias, LinearProbe probe, int c, double[] less) {
    double[] own = probe.weights(c);
    for (int j = 0; j < weights.length; j++) {
      assertEquals(weights[j], own[j] - less[j], TOLERANCE * Math.max(1, Math.abs(weights[j])));
    }
    assertEquals(bias, probe.bias(c), TOLERANCE * Math.max(1, Math.abs(bias)));
  }

  @Test
  void logisticMatchesScikitLearn() {
    LinearProbe probe = LinearProbe.logistic(executor, ProbesFile.examples(3), 0.5);
    for (int c = 0; c < 3; c++) {
      assertClassEquals(
          ProbesFile.matrix("logistic_weights")[c],
          ProbesFile.vector("logistic_biases")[c],
          probe,
          c,
          new double[ProbesFile.WIDTH]);
    }
  }

  /** For two classes scikit-learn has one vector, the difference of ours. */
  @Test
  void logisticOfTwoClasses() {
    LinearProbe probe = LinearProbe.logistic(executor, ProbesFile.examples(2), 0.5);
    assertClassEquals(
        ProbesFile.matrix("binary_weights")[0],
        ProbesFile.vector("binary_bias")[0] + probe.bias(0),
        probe,
        1,
        probe.weights(0));
  }

  @Test
  void ridgeMatchesScikitLearn() {
    LinearProbe probe = LinearProbe.ridge(ProbesFile.examples(3), 2);
    for (int c = 0; c < 3; c++) {
      assertClassEquals(
          ProbesFile.matrix("ridge_weights")[c],
          ProbesFile.vector("ridge_biases")[c],
          probe,
          c,
          new double[ProbesFile.WIDTH]);
    }
  }

  /** At the minimum the gradient is 0, in units of each dimension. */
  @ParameterizedTest
  @EnumSource
  void dimensionsMayBeOfAnySize(Kind kind) {
    float[] units = {1, 8192, 1f / 128, 1, 1024, 1, 1, 16};
    Examples examples = ProbesFile.scaled(ProbesFile.examples(3), units);
    LinearProbe probe = LinearProbe.fit(kind, executor, examples, 0.5);
    for (int c = 0; c < 3; c++) {
      double[] weights = probe.weights(c);
      for (int j = 0; j < ProbesFile.WIDTH; j++) {
        double gradient = 0.5 * weights[j];
        double squares = 0;
        for (int i = 0; i < examples.size(); i++) {
          float x = examples.row(i)[j];
          gradient += residual(kind, probe, examples, i, c) * x;
          squares += (double) x * x;
        }
        assertEquals(0, gradient / Math.sqrt(squares), 1e-4);
      }
    }
  }

  /** The derivative of an example's loss with respect to the score of a class. */
  private static double residual(Kind kind, LinearProbe probe, Examples examples, int i, int c) {
    double[] scores = new double[3];
    for (int k = 0; k < 3; k++) {
      scores[k] = probe.bias(k);
      for (int j = 0; j < ProbesFile.WIDTH; j++) {
        scores[k] += probe.weights(k)[j] * examples.row(i)[j];
      }
    }
    boolean own = examples.label(i) == c;
    double sum = Arrays.stream(scores).map(Math::exp).sum();
    return kind == Kind.LOGISTIC
        ? Math.exp(scores[c]) / sum - (own ? 1 : 0)
        : scores[c] - (own ? 1 : -1);
  }

  /** A penalty far below the rounding of sums of f32 still gives a minimum. */
  @Test
  void ridgeOfFewExamplesWithMassiveActivations() {
    Examples all = ProbesFile.examples(3);
    var rows = new float[6][];
    var labels = new int[6];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = all.row(i).clone();
      rows[i][3] *= 20000;
      labels[i] = all.label(i);
    }
    var few = new Examples(rows, labels, labels, 3);
    assertEquals(1, LinearProbe.ridge(few, 1e-3).accuracy(few));
  }

  @Test
  void beatsItsControl() {
    Examples.Split split = ProbesFile.examples(3).split(0.3, 1);
    for (Kind kind : Kind.values()) {
      ControlTask task = ControlTask.of(executor, split, kind, 1, 2);
      assertTrue(task.test() > task.majority() + 0.2, task.toString());
      assertTrue(task.selectivity() > 0.2, task.toString());
      assertTrue(task.train() >= task.test() - 0.1, task.toString());
    }
  }

  @Test
  void splitsAreWholeAndRepeat() {
    Examples examples = ProbesFile.examples(3);
    Examples.Split split = examples.split(0.2, 9);
    assertEquals(30, split.test().size());
    assertEquals(120, split.train().size());
    assertEquals(split.test().row(7), examples.split(0.2, 9).test().row(7));
  }

  @Test
  void reportsInvalidInput() {
    Examples examples = ProbesFile.examples(3);
    assertThrows(InvalidInputException.class, () -> LinearProbe.logistic(executor, examples, 0));
    assertThrows(InvalidInputException.class, () -> examples.split(1, 0));
    assertThrows(InvalidInputException.class, () -> examples.split(0.001, 0));
    assertThrows(
        InvalidInputException.class,
        () -> new Examples(new float[][] {{1}, {2, 3}}, new int[2], new int[2], 1));
    assertThrows(
        InvalidInputException.class,
        () -> new Examples(new float[][] {{1}}, new int[] {1}, new int[1], 1));
    assertThrows(
        InvalidInputException.class,
        () -> new Examples(new float[][] {{1}, {Float.NaN}}, new int[2], new int[2], 1));
  }
}

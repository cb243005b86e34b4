package dev.vidrio.lens.decode.probe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.decode.probe.AdversarialErasure.Fantope;
import dev.vidrio.lens.vector.DoubleVectors;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class AdversarialErasureTest {
  private static final double L2 = 0.1;

  private static Executor executor;

  @BeforeAll
  static void open() {
    executor = NativeExecutor.create();
  }

  @AfterAll
  static void close() {
    executor.close();
  }

  /**
   * Returns points of two classes. Their means differ along one axis, and their spreads correlate.
   */
  private static Examples examples(int d) {
    var random = new Random(4);
    var rows = new float[120][d];
    var labels = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      labels[i] = i % 3 == 0 ? 1 : 0;
      double common = random.nextGaussian();
      for (int j = 0; j < d; j++) {
        rows[i][j] = (float) (0.4 * random.nextGaussian() + (j + 1) * 0.8 * common);
      }
      rows[i][0] += 1.5f * labels[i];
    }
    return new Examples(rows, labels, new int[rows.length], 2);
  }

  private static double loss(Examples examples, double[] mean, double... direction) {
    Examples erased = SubspaceEraser.of(List.of(direction), mean).erase(examples);
    return LinearProbe.logistic(executor, erased, L2).crossEntropy(erased);
  }

  /** No direction in the plane or in space leaves a probe a larger loss. */
  @Test
  @Tag("long")
  void findsTheBestDirection() {
    for (int d = 2; d <= 3; d++) {
      Examples examples = examples(d);
      double[] mean = CenteredRows.of(examples.rows()).mean();
      double best = 0;
      for (int a = 0; a < 45; a++) {
        double x = Math.cos(a * Math.PI / 45);
        double y = Math.sin(a * Math.PI / 45);
        for (int b = 0; b < (d == 2 ? 1 : 23); b++) {
          double z = Math.sin((b - 11) * Math.PI / 23);
          double[] direction =
              d == 2
                  ? new double[] {x, y}
                  : new double[] {x * Math.sqrt(1 - z * z), y * Math.sqrt(1 - z * z), z};
          best = Math.max(best, loss(examples, mean, direction));
        }
      }
      AdversarialErasure found = AdversarialErasure.fit(executor, examples, 1, L2, 60);
      assertEquals(1, found.eraser().rank());
      assertTrue(found.loss() > best - 2e-3, d + ": " + found.loss() + " of " + best);
      assertTrue(found.loss() <= found.frequencies() + 1e-6);
      assertEquals(0.918296, found.frequencies(), 1e-6);
      double unchanged = LinearProbe.logistic(executor, examples, L2).crossEntropy(examples);
      assertTrue(unchanged < best - 0.2, "the classes can be told apart: " + unchanged);
    }
  }

  /** Without the difference of the means of two classes, a probe is a constant. */
  @Test
  void removesDifferenceOfMeans() {
    Examples examples = examples(3);
    var difference = new double[3];
    for (int i = 0; i < examples.size(); i++) {
      double weight = examples.label(i) == 1 ? 1 / 40.0 : -1 / 80.0;
      DoubleVectors.add(difference, weight, DoubleVectors.doubles(examples.row(i)));
    }
    AdversarialErasure found = AdversarialErasure.fit(executor, examples, 1, L2, 1);
    double along = DoubleVectors.dot(difference, found.eraser().rows().getFirst());
    assertEquals(DoubleVectors.norm(difference), Math.abs(along), 1e-6);
    assertEquals(found.frequencies(), found.loss(), 1e-5);
  }

  /** One dimension for three classes: steps find a better one than that of the means. */
  @Test
  void improvesOnMeans() {
    Examples examples = ProbesFile.examples(3);
    double first = AdversarialErasure.fit(executor, examples, 1, 1, 1).loss();
    AdversarialErasure found = AdversarialErasure.fit(executor, examples, 1, 1, 60);
    assertEquals(1, found.eraser().rank());
    assertTrue(found.loss() > first, found.loss() + " after " + first);
    assertTrue(found.loss() < 0.9 * found.frequencies(), found.toString());
  }

  /** As many dimensions as there are classes minus one leave nothing to a linear probe. */
  @Test
  void erasesThreeClasses() {
    Examples examples = ProbesFile.examples(3);
    AdversarialErasure found = AdversarialErasure.fit(executor, examples, 2, 1, 60);
    Examples erased = found.eraser().erase(examples);
    assertEquals(2, found.eraser().rank());
    assertTrue(found.loss() > 0.9999 * found.frequencies(), found.toString());
    assertEquals(
        found.loss(), LinearProbe.logistic(executor, erased, 1).crossEntropy(erased), 1e-6);
  }

  /** The derivative of the loss of a fixed probe, by central differences. */
  @Test
  void movesAlongTheGradient() {
    Examples examples = examples(3);
    float[][] x = CenteredRows.of(examples.rows()).rows();
    LinearProbe probe = LinearProbe.logistic(executor, examples, L2);
    double[][] s = AdversarialErasure.residuals(probe, examples.withRows(x), x);
    double step = 1e-3;
    for (int a = 0; a < 3; a++) {
      for (int b = 0; b < 3; b++) {
        double slope =
            (changed(probe, examples, x, a, b, step) - changed(probe, examples, x, a, b, -step))
                / (2 * step);
        double expected = 0;
        for (int c = 0; c < 2; c++) {
          expected -= probe.weights(c)[a] * s[c][b];
        }
        assertEquals(slope, expected, 1e-2 * Math.max(1, Math.abs(slope)));
      }
    }
  }

  /** Returns the loss in nats of the probe on (I − A) x, where A has one element. */
  private static double changed(
      LinearProbe probe, Examples examples, float[][] x, int a, int b, double value) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      float[] row = x[i].clone();
      row[a] -= (float) (value * x[i][b]);
      sum -= probe.logProbability(row, examples.label(i));
    }
    return sum;
  }

  @Test
  void staysInTheFantope() {
    var random = new Random(2);
    var fantope = new Fantope(6, 2);
    for (int t = 0; t < 5; t++) {
      var w = new double[2][];
      var s = new double[2][];
      Arrays.setAll(w, ignored -> random.doubles(6, -1, 1).toArray());
      Arrays.setAll(s, ignored -> random.doubles(6, -1, 1).toArray());
      fantope.move(w, s, 0.5);
      double[][] matrix = fantope.matrix();
      double trace = 0;
      for (int i = 0; i < 6; i++) {
        trace += matrix[i][i];
        for (int j = 0; j < 6; j++) {
          assertEquals(matrix[i][j], matrix[j][i], 1e-9);
        }
      }
      assertEquals(2, trace, 1e-4);
      for (int trial = 0; trial < 50; trial++) {
        double[] x = random.doubles(6, -1, 1).toArray();
        DoubleVectors.scale(x, 1 / DoubleVectors.norm(x));
        double value = 0;
        for (int i = 0; i < 6; i++) {
          value += x[i] * DoubleVectors.dot(matrix[i], x);
        }
        assertTrue(value > -1e-9 && value < 1 + 1e-9, "quotient " + value);
      }
      var unit = new float[][] {{1, 0, 0, 0, 0, 0}};
      float[] column = DoubleVectors.floats(matrix[0]);
      column[0] = 1 - column[0];
      for (int j = 1; j < 6; j++) {
        column[j] = -column[j];
      }
      assertArrayEquals(column, fantope.complement(unit)[0], 1e-6f);
    }
  }

  @Test
  void reportsInvalidInput() {
    Examples examples = examples(2);
    assertThrows(
        InvalidInputException.class, () -> AdversarialErasure.fit(executor, examples, 0, 1, 5));
    assertThrows(
        InvalidInputException.class, () -> AdversarialErasure.fit(executor, examples, 3, 1, 5));
    assertThrows(
        InvalidInputException.class, () -> AdversarialErasure.fit(executor, examples, 1, 1, 0));
  }
}

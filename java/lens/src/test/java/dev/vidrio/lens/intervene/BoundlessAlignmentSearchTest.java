package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class BoundlessAlignmentSearchTest {
  private static final HookPoint POINT = new HookPoint(HookSite.RESID_POST, 1);
  private static final int D = 6;
  private static final double BOUNDARY = 2.3;
  private static final double TEMPERATURE = 0.7;

  private final Random random = new Random(5);

  private double[] vector() {
    return random.doubles(D, -1, 1).toArray();
  }

  private double[][] matrix(int rows) {
    var matrix = new double[rows][];
    for (int r = 0; r < rows; r++) {
      matrix[r] = vector();
    }
    return matrix;
  }

  /** Returns {@code Rᵀ (R h + m ⊙ (R h_source − R h))} for a square R: rotate, mix, rotate back. */
  private static double[] rotated(double[] base, double[] source, double[][] r, double[] m) {
    var result = new double[D];
    for (int j = 0; j < D; j++) {
      double b = DoubleVectors.dot(r[j], base);
      double s = DoubleVectors.dot(r[j], source);
      DoubleVectors.add(result, (1 - m[j]) * b + m[j] * s, r[j]);
    }
    return result;
  }

  @Test
  void interchangesInTheRotatedSpace() {
    double[] base = vector();
    double[] source = vector();
    double[][] rows = OrthonormalRows.random(D, D, 2).all();
    double[] portions = BoundlessAlignmentSearch.portions(D, BOUNDARY, TEMPERATURE);
    assertArrayEquals(
        DoubleVectors.floats(rotated(base, source, rows, portions)),
        BoundlessAlignmentSearch.interchanged(
            DoubleVectors.floats(base),
            DoubleVectors.floats(DoubleVectors.plus(source, -1, base)),
            rows,
            portions),
        1e-6f);
  }

  @Test
  void sharpBoundaryTakesTheRoundedNumberOfRows() {
    double[] portions = BoundlessAlignmentSearch.portions(5, 2.4, 1e-3);
    assertArrayEquals(new double[] {1, 1, 0, 0, 0}, portions, 1e-9);
    assertArrayEquals(
        new double[] {1, 1, 1, 0, 0}, BoundlessAlignmentSearch.portions(5, 2.6, 1e-3), 1e-9);
  }

  private static double along(
      double[] g, double[] delta, double[][] rows, double boundary, double temperature) {
    double sum = 0;
    for (int j = 0; j < rows.length; j++) {
      double m = 1 / (1 + Math.exp((j + 0.5 - boundary) / temperature));
      sum += m * DoubleVectors.dot(rows[j], delta) * DoubleVectors.dot(rows[j], g);
    }
    return sum;
  }

  @Test
  void gradientsAreSlopes() {
    double[] g = vector();
    double[] delta = vector();
    double[][] rows = matrix(4);
    var gradient = new double[4][D];
    double[] portions = BoundlessAlignmentSearch.portions(4, BOUNDARY, TEMPERATURE);
    double ofBoundary =
        BoundlessAlignmentSearch.addGradient(gradient, rows, portions, TEMPERATURE, g, delta);
    double step = 1e-5;
    double slope =
        along(g, delta, rows, BOUNDARY + step, TEMPERATURE)
            - along(g, delta, rows, BOUNDARY - step, TEMPERATURE);
    assertEquals(slope / (2 * step), ofBoundary, 1e-8);
    for (int j = 0; j < rows.length; j++) {
      for (int i = 0; i < D; i++) {
        double value = rows[j][i];
        rows[j][i] = value + step;
        double above = along(g, delta, rows, BOUNDARY, TEMPERATURE);
        rows[j][i] = value - step;
        double below = along(g, delta, rows, BOUNDARY, TEMPERATURE);
        rows[j][i] = value;
        assertEquals((above - below) / (2 * step), gradient[j][i], 1e-8);
      }
    }
  }

  @Test
  void manyRowsStayOrthonormal() {
    var gradient = new double[80][100];
    for (double[] row : gradient) {
      for (int j = 0; j < row.length; j++) {
        row[j] = random.nextGaussian();
      }
    }
    OrthonormalRows rows = OrthonormalRows.random(80, 100, 1);
    rows.ascend(gradient, 0.5);
    for (int a = 0; a < 80; a++) {
      for (int b = 0; b <= a; b++) {
        assertEquals(a == b ? 1 : 0, DoubleVectors.dot(rows.row(a), rows.row(b)), 1e-12);
      }
    }
  }

  private static BoundlessAlignmentSearch search(Lens lens, int most, double penalty) {
    List<Interchange> interchanges = DistributedAlignmentSearchTest.interchanges(lens.model());
    return new BoundlessAlignmentSearch(
        lens, POINT, interchanges, new BoundlessAlignmentSearch.Options(most, 30, 0.1, penalty, 3));
  }

  /** A few of the directions serve, and none are left if they cost too much. */
  @Test
  @Tag("long")
  void learnsTheNumberOfDirections() {
    try (Model model = Model.open(BardFiles.f32())) {
      Lens lens = Lens.of(model);
      List<Interchange> interchanges = DistributedAlignmentSearchTest.interchanges(model);
      try (BoundlessAlignmentSearch search = search(lens, 64, 1)) {
        double before = search.step().objective();
        BoundlessAlignmentSearch.Step last = search.step();
        for (int i = 2; i < 30; i++) {
          last = search.step();
        }
        assertEquals(0.1, last.temperature(), 1e-12);
        assertTrue(last.objective() > before + 0.3, before + " to " + last);
        assertTrue(search.rank() >= 1 && search.rank() < 32, "rank " + search.rank());
        assertEquals(search.rank() * 256, search.basis().length);
        assertTrue(search.accuracy(interchanges) >= 0.75);
        assertThrows(IllegalStateException.class, search::step);
      }
      try (BoundlessAlignmentSearch search = search(lens, 64, 1000)) {
        for (int i = 0; i < 30; i++) {
          search.step();
        }
        assertEquals(0, search.rank());
        assertEquals(List.of(), search.edits(interchanges.getFirst()));
      }
      assertThrows(InvalidInputException.class, () -> search(lens, 257, 1).close());
    }
  }

  @Test
  void reportsInvalidOptions() {
    for (double rate : new double[] {0, 1}) {
      assertThrows(
          InvalidInputException.class,
          () -> new BoundlessAlignmentSearch.Options(1, 1, rate, 1, 0));
    }
    assertThrows(
        InvalidInputException.class, () -> new BoundlessAlignmentSearch.Options(-1, 1, 0.1, 1, 0));
    assertThrows(
        InvalidInputException.class, () -> new BoundlessAlignmentSearch.Options(1, 0, 0.1, 1, 0));
    assertThrows(
        InvalidInputException.class, () -> new BoundlessAlignmentSearch.Options(1, 1, 0.1, -1, 0));
  }
}

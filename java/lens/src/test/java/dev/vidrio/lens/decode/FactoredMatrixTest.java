package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.decode.FactoredMatrix.Eigenvalue;
import dev.vidrio.lens.numeric.Eigenvalues;
import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.numeric.TriangularFactor;
import dev.vidrio.lens.vector.DoubleVectors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Factored matrices against the products of their factors. */
class FactoredMatrixTest {
  private static final Random RANDOM = new Random(5);

  private static float[][] random(int rows, int columns) {
    var matrix = new float[rows][columns];
    for (float[] row : matrix) {
      for (int j = 0; j < columns; j++) {
        row[j] = (float) RANDOM.nextGaussian();
      }
    }
    return matrix;
  }

  private static double[][] product(float[][] a, float[][] b) {
    return product(DoubleVectors.doubles(a), DoubleVectors.doubles(b));
  }

  static double[][] product(double[][] a, double[][] b) {
    var c = new double[a.length][b[0].length];
    for (int i = 0; i < a.length; i++) {
      for (int k = 0; k < b.length; k++) {
        DoubleVectors.add(c[i], a[i][k], b[k]);
      }
    }
    return c;
  }

  static double norm(double[][] matrix) {
    return Math.sqrt(Arrays.stream(matrix).mapToDouble(row -> DoubleVectors.dot(row, row)).sum());
  }

  @Test
  void operationsMatchTheProduct() {
    float[][] a = random(9, 3);
    float[][] b = random(3, 7);
    FactoredMatrix matrix = FactoredMatrix.of(a, b);
    double[][] whole = product(a, b);
    float[] x = random(1, 9)[0];
    double[] written = product(new double[][] {DoubleVectors.doubles(x)}, whole)[0];
    assertArrayEquals(written, DoubleVectors.doubles(matrix.written(x)), 1e-5);
    assertEquals(norm(whole), matrix.norm(), 1e-6);
    assertEquals(matrix.norm(), matrix.transposed().norm(), 1e-6);
    float[][] c = random(7, 2);
    float[][] d = random(2, 5);
    FactoredMatrix both = matrix.then(FactoredMatrix.of(c, d));
    assertEquals(2, both.rank());
    assertEquals(norm(product(whole, product(c, d))), both.norm(), 1e-4);
    double square = 0;
    List<SingularTriple> triples = matrix.singular();
    assertEquals(3, triples.size());
    for (SingularTriple triple : triples) {
      square += triple.value() * triple.value();
      float[] along = matrix.written(triple.reads());
      for (int j = 0; j < along.length; j++) {
        assertEquals(triple.value() * triple.writes()[j], along[j], 1e-4);
      }
    }
    assertEquals(matrix.norm(), Math.sqrt(square), 1e-5);
  }

  /** The trace of each power of a matrix is the sum of that power of its eigenvalues. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8, 40})
  void eigenvaluesHaveTheTracesOfPowers(int rank) {
    float[][] a = random(rank + 3, rank);
    float[][] b = random(rank, rank + 3);
    double[][] whole = product(a, b);
    List<Eigenvalue> eigenvalues = FactoredMatrix.of(a, b).eigenvalues();
    assertEquals(rank, eigenvalues.size());
    double[][] power = whole;
    for (int n = 1; n <= 4; n++) {
      double trace = 0;
      for (int i = 0; i < power.length; i++) {
        trace += power[i][i];
      }
      double re = 0;
      double im = 0;
      for (Eigenvalue value : eigenvalues) {
        double angle = n * Math.atan2(value.imaginary(), value.real());
        re += Math.pow(value.magnitude(), n) * Math.cos(angle);
        im += Math.pow(value.magnitude(), n) * Math.sin(angle);
      }
      double size = Math.pow(eigenvalues.getFirst().magnitude(), n);
      assertEquals(trace, re, 1e-9 * rank * size);
      assertEquals(0, im, 1e-9 * rank * size);
      power = product(power, whole);
    }
    for (int i = 1; i < rank; i++) {
      assertTrue(eigenvalues.get(i).magnitude() <= eigenvalues.get(i - 1).magnitude());
    }
  }

  /** {@code M − λI} has a singular value of 0; a complex matrix as a real one of twice the size. */
  @Test
  void eigenvaluesMakeTheMatrixSingular() {
    double[][] matrix = DoubleVectors.doubles(random(24, 24));
    int n = matrix.length;
    for (double[] value : Eigenvalues.of(matrix)) {
      var shifted = new double[2 * n][2 * n];
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          shifted[i][j] = matrix[i][j] - (i == j ? value[0] : 0);
          shifted[n + i][n + j] = shifted[i][j];
        }
        shifted[i][n + i] = value[1];
        shifted[n + i][i] = -value[1];
      }
      double[] singular = SingularVectors.of(shifted).values();
      assertEquals(0, singular[2 * n - 1], 1e-11);
    }
  }

  @Test
  void findsEigenvaluesOfSpecialMatrices() {
    // The roots of x³ − 1: the shift of the first step is 0, with which no step changes it.
    assertRoots(
        new double[][] {{0, 0, 1}, {1, 0, 0}, {0, 1, 0}},
        new double[][] {{-0.5, -Math.sqrt(0.75)}, {-0.5, Math.sqrt(0.75)}, {1, 0}});
    assertRoots(new double[][] {{0, -4}, {1, 0}}, new double[][] {{0, -2}, {0, 2}});
    assertRoots(new double[3][3], new double[3][2]);
    assertRoots(
        new double[][] {{2, 5, 1}, {0, -3, 7}, {0, 0, 4}},
        new double[][] {{-3, 0}, {2, 0}, {4, 0}});
    // A Jordan block: eigenvalues are exact to the third root of the rounding error.
    double[][] found = Eigenvalues.of(new double[][] {{1, 1, 0}, {0, 1, 1}, {0, 0, 1}});
    Arrays.stream(found).forEach(value -> assertArrayEquals(new double[] {1, 0}, value, 1e-4));
    assertThrows(
        ArithmeticException.class, () -> Eigenvalues.of(new double[][] {{0, 1}, {Double.NaN, 0}}));
  }

  private static void assertRoots(double[][] matrix, double[][] expected) {
    double[][] found = Eigenvalues.of(matrix);
    Arrays.sort(
        found,
        Comparator.<double[]>comparingDouble(value -> Math.rint(1e6 * value[0]))
            .thenComparingDouble(value -> value[1]));
    for (int i = 0; i < expected.length; i++) {
      assertArrayEquals(expected[i], found[i], 1e-10);
    }
  }

  @Test
  void triangularFactorHasTheProductsOfColumns() {
    double[][] columns = DoubleVectors.doubles(random(6, 11));
    columns[4] = columns[1].clone();
    double[][] r = TriangularFactor.of(columns);
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 6; j++) {
        double product = 0;
        for (double[] row : r) {
          product += row[i] * row[j];
        }
        assertEquals(DoubleVectors.dot(columns[i], columns[j]), product, 1e-12);
      }
    }
  }

  @Test
  void rejectsInvalidFactors() {
    float[][] a = random(4, 2);
    assertThrows(InvalidInputException.class, () -> FactoredMatrix.of(a, random(3, 4)));
    assertThrows(InvalidInputException.class, () -> FactoredMatrix.of(new float[0][], a));
    assertThrows(
        InvalidInputException.class,
        () -> FactoredMatrix.of(new float[][] {{1, 2}, {3}}, random(2, 4)));
    FactoredMatrix matrix = FactoredMatrix.of(a, random(2, 5));
    assertThrows(InvalidInputException.class, matrix::eigenvalues);
    assertThrows(InvalidInputException.class, () -> matrix.then(matrix));
    assertThrows(InvalidInputException.class, () -> matrix.written(new float[5]));
  }
}

package dev.vidrio.lens.numeric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.model.sampling.SplitMix64;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Singular vectors by what they are: orthonormal, and their product is the matrix. */
class SingularVectorsTest {
  /** Ranks below the number of rows leave singular values of 0. */
  @ParameterizedTest
  @CsvSource({"1, 1, 1", "5, 9, 5", "9, 5, 5", "12, 12, 4", "7, 3, 1"})
  void multiplyToTheMatrix(int m, int n, int rank) {
    var random = new SplitMix64(m * 100L + n);
    var matrix = new double[m][n];
    for (int r = 0; r < rank; r++) {
      double[] a = random(random, m);
      double[] b = random(random, n);
      for (int i = 0; i < m; i++) {
        DoubleVectors.add(matrix[i], a[i], b);
      }
    }
    SingularVectors svd = SingularVectors.of(matrix);
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int r = 0; r < m; r++) {
          sum += svd.left(r)[i] * svd.values()[r] * svd.right(r)[j];
        }
        assertEquals(matrix[i][j], sum, 1e-12);
      }
    }
    for (int r = 0; r < m; r++) {
      assertTrue(r == 0 || svd.values()[r] <= svd.values()[r - 1]);
      assertTrue(r < rank || svd.values()[r] < 1e-12, "value " + r);
      for (int s = 0; s < rank; s++) {
        assertEquals(r == s ? 1 : 0, DoubleVectors.dot(svd.left(r), svd.left(s)), 1e-12);
        if (r < rank) {
          assertEquals(r == s ? 1 : 0, DoubleVectors.dot(svd.right(r), svd.right(s)), 1e-12);
        }
      }
    }
  }

  private static double[] random(SplitMix64 random, int n) {
    var x = new double[n];
    for (int i = 0; i < n; i++) {
      x[i] = random.nextDouble() - 0.5;
    }
    return x;
  }
}

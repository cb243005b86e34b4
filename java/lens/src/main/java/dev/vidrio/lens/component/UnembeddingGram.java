package dev.vidrio.lens.component;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.lens.component.LogitDirection.Readout;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.model.Model;

/**
 * Computes {@code M Mᵀ}, [d, d], of {@code M = diag(γ) W_U}, the linear map from the normalized
 * residual stream to the logits: γ is the gain of the final norm. If the norm subtracts the mean,
 * the columns do not read it. Memory does not grow with the vocabulary.
 */
public final class UnembeddingGram {
  /** Columns of W_U in memory at once. */
  private static final int COLUMNS = 1024;

  private UnembeddingGram() {}

  /**
   * Returns the matrix, with products in f32.
   *
   * @throws dev.vidrio.error.InvalidInputException if the model has several residual streams
   */
  public static double[][] of(Model model) {
    Readout end = Readout.of(model);
    int d = end.norm().d();
    int vocabulary = model.architecture().vocabulary();
    var gram = new double[d][d];
    int block = Math.min(COLUMNS, vocabulary);
    try (RowPlan rows = LogitDirection.rows(model, end.product().weights(), block);
        var product = new MatrixProduct(model.executor(), d, block, d)) {
      for (int first = 0; first < vocabulary; first += block) {
        int count = Math.min(block, vocabulary - first);
        var ids = new int[count];
        for (int i = 0; i < count; i++) {
          ids[i] = first + i;
        }
        rows.run(ids);
        // The columns of tokens that are missing in the last block are 0.
        var columns = new float[d][block];
        for (int i = 0; i < count; i++) {
          float[] column = rows.output(i).toArray(JAVA_FLOAT);
          for (int j = 0; j < d; j++) {
            column[j] *= (float) LogitDirection.element(end.norm().gain(), j, 1);
          }
          NormValues.center(end.norm(), column);
          for (int j = 0; j < d; j++) {
            columns[j][i] = column[j];
          }
        }
        product.weights(columns);
        float[][] sums = product.of(columns);
        for (int j = 0; j < d; j++) {
          for (int e = 0; e < d; e++) {
            gram[j][e] += sums[j][e];
          }
        }
      }
    }
    for (double[] row : gram) {
      for (int e = 0; e < d; e++) {
        row[e] *= end.factor() * end.factor();
      }
    }
    return gram;
  }
}

package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The directions of the residual stream to which the unembedding hardly reacts: the last right
 * singular vectors of {@code γ ⊙ W_U}. Its columns have a mean of zero over the vocabulary, since a
 * softmax ignores what all logits have in common.
 */
final class UnembeddingGeometry {
  /** Columns of W_U that are dequantized at once. */
  private static final int COLUMNS = 256;

  private final Op.Norm norm;
  private final double[][] weakest;

  private UnembeddingGeometry(Op.Norm norm, double[][] weakest) {
    this.norm = norm;
    this.weakest = weakest;
  }

  /**
   * Decomposes the unembedding of a model, in time that grows as V d² + d³.
   *
   * @param dimensions number of directions, 1 to d − 1
   */
  static UnembeddingGeometry of(Model model, int dimensions) {
    List<Op> ops = model.architecture().plan().ops();
    Op.Norm norm = last(ops, Op.Norm.class);
    Weights unembedding = last(ops, Op.MatMul.class).weights();
    var spectrum = SingularVectors.of(covariance(model, norm, unembedding));
    // A norm that subtracts the mean has a direction that nothing can be written to.
    int trivial = norm.kind() == Op.NormKind.LAYER ? 1 : 0;
    int d = norm.d();
    // Left and right vectors of a symmetric matrix agree; left ones are defined for the value 0.
    double[][] weakest =
        IntStream.range(Math.max(0, d - dimensions - trivial), d)
            .mapToObj(spectrum::left)
            .toArray(double[][]::new);
    return new UnembeddingGeometry(norm, weakest);
  }

  /** Returns {@code Σ_v (u_v − ū)(u_v − ū)ᵀ}, [d][d]. */
  private static double[][] covariance(Model model, Op.Norm norm, Weights matrix) {
    int d = norm.d();
    var products = new double[d][d];
    var sum = new double[d];
    try (RowPlan rows = LogitDirection.rows(model, matrix, COLUMNS)) {
      for (int begin = 0; begin < matrix.n(); begin += COLUMNS) {
        int[] tokens = IntStream.range(begin, Math.min(matrix.n(), begin + COLUMNS)).toArray();
        rows.run(tokens);
        double[][] columns =
            IntStream.range(0, tokens.length)
                .mapToObj(i -> column(norm, rows.output(i).toArray(JAVA_FLOAT)))
                .toArray(double[][]::new);
        Arrays.stream(columns).forEach(column -> DoubleVectors.add(sum, 1, column));
        IntStream.range(0, d).parallel().forEach(i -> add(products[i], columns, i));
      }
    }
    for (int i = 0; i < d; i++) {
      DoubleVectors.add(products[i], -sum[i] / matrix.n(), sum);
    }
    return products;
  }

  private static void add(double[] row, double[][] columns, int i) {
    for (double[] column : columns) {
      DoubleVectors.add(row, column[i], column);
    }
  }

  /** Returns {@code γ ⊙ W_U[:,v]}, which reads nothing of the mean if the norm subtracts it. */
  private static double[] column(Op.Norm norm, float[] column) {
    @Nullable Weights gain = norm.gain();
    for (int j = 0; gain != null && j < column.length; j++) {
      column[j] *= gain.data().getAtIndex(JAVA_FLOAT, j);
    }
    NormValues.center(norm, column);
    return DoubleVectors.doubles(column);
  }

  /** Returns the fraction of a vector's norm that is in the weakest directions, 0 to 1. */
  double fraction(float[] vector) {
    float[] centered = vector.clone();
    NormValues.center(norm, centered);
    double[] x = DoubleVectors.doubles(centered);
    double within = 0;
    for (double[] direction : weakest) {
      double product = DoubleVectors.dot(direction, x);
      within += product * product;
    }
    return Math.sqrt(within) / Vectors.norm(centered);
  }

  private static <T extends Op> T last(List<Op> ops, Class<T> kind) {
    return ops.stream().filter(kind::isInstance).map(kind::cast).reduce((a, b) -> b).orElseThrow();
  }
}

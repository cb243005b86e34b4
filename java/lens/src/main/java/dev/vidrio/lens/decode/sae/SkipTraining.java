package dev.vidrio.lens.decode.sae;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.train.TrainingState;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The training of a skip connection W_skip [d_out][d_in]. It starts with zeros, as in Paulo et al.
 * 2025 (arXiv 2501.18823).
 */
final class SkipTraining implements AutoCloseable {
  private final float[][] weights;
  private final float[][] gradient;
  private final Adam adam;
  private final MatrixProduct product;

  SkipTraining(Executor executor, SaeShape shape, int batch) {
    this.weights = new float[shape.outputs()][shape.inputs()];
    this.gradient = new float[shape.outputs()][shape.inputs()];
    this.adam = new Adam(weights);
    this.product = new MatrixProduct(executor, shape.outputs(), shape.inputs(), batch);
  }

  /** Adds all that steps change to a state. */
  void addTo(TrainingState state) {
    state.add("skip", weights, adam);
  }

  /** Returns the outputs z [batch][d_out] minus those of the skip connection for inputs x. */
  float[][] rest(float[][] x, float[][] z) {
    product.weights(weights);
    float[][] skipped = product.of(x);
    var rest = new float[z.length][];
    Arrays.setAll(rest, b -> Vectors.minus(z[b], skipped[b]));
    return rest;
  }

  /**
   * Computes the gradient of a step.
   *
   * @param errors ẑ − z, [batch][d_out]
   * @param x inputs [batch][d_in]
   */
  void gradient(float[][] errors, float[][] x) {
    float factor = 2f / x.length;
    IntStream.range(0, weights.length)
        .parallel()
        .forEach(
            j -> {
              Arrays.fill(gradient[j], 0);
              for (int b = 0; b < x.length; b++) {
                Vectors.add(gradient[j], factor * errors[b][j], x[b]);
              }
            });
  }

  /** Returns the sum of the squares of the gradient. */
  double squares() {
    return Vectors.squares(gradient);
  }

  /**
   * Runs a step of Adam.
   *
   * @param factor of the gradient
   */
  void descend(int step, double rate, float factor) {
    IntStream.range(0, weights.length)
        .parallel()
        .forEach(
            j -> {
              Vectors.scale(gradient[j], factor);
              adam.step(step, rate, j, weights[j], gradient[j]);
            });
  }

  /** Returns the weights times a factor. */
  float[][] weights(float factor) {
    float[][] scaled = Vectors.copy(weights);
    for (float[] row : scaled) {
      Vectors.scale(row, factor);
    }
    return scaled;
  }

  @Override
  public void close() {
    product.close();
  }
}

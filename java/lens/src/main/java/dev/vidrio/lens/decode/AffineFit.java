package dev.vidrio.lens.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.UnembeddingGradient;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.numeric.NesterovMomentum;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Fits an affine map from activations to the basis of the last residual stream, {@code x ↦ A x + b}
 * or {@code x ↦ x + A x + b}, such that the final norm and the unembedding give the predictions of
 * the model: minimizes KL(model ‖ lens) by gradient descent with Nesterov momentum.
 *
 * <p>Residual streams differ in size by orders of magnitude between layers and models. A step is
 * therefore taken for the parameters in units of the activations: with s and t the root mean
 * squares of the elements of the mapped activation and of x, b is in units of s and A in units of s
 * / t. Gradients with respect to parameters in these units do not depend on the sizes; all of them
 * together are clipped to a norm of 1.
 */
final class AffineFit {
  private final Executor executor;

  /** The rows of A, [d][w], then b, [d]. */
  private final float[][] parameters;

  private final boolean residual;
  private final NesterovMomentum descent;

  /**
   * Creates a fit that starts from parameters and updates them.
   *
   * @param parameters the rows of A, [d][w], then b, [d]
   * @param residual whether x is added, which needs w = d
   */
  AffineFit(Executor executor, float[][] parameters, boolean residual) {
    this.executor = executor;
    this.parameters = parameters;
    this.residual = residual;
    this.descent = new NesterovMomentum(parameters);
  }

  /** Returns the log-probabilities of predictions from last residual streams, [n][V]. */
  static double[][] logProbabilities(UnembeddingGradient unembedding, float[][] streams) {
    var found = new double[streams.length][];
    unembedding.of(
        streams,
        (row, logits, gradient) ->
            found[row] = Vectors.logProbabilities(logits.toArray(JAVA_FLOAT)));
    return found;
  }

  /**
   * Returns the mean divergence of the lens from the model in nats, before a step of learning if
   * there is one.
   *
   * @param x activations, [n][w]
   * @param truth the log-probabilities of the model, [n][V] or more
   * @param first the row of the truth that the first activation is to predict
   * @param rate learning rate; 0 not to learn
   */
  double run(
      float[][] x, double[][] truth, int first, UnembeddingGradient unembedding, double rate) {
    float[][] mapped = map(x);
    var divergences = new double[x.length];
    float[][] gradients =
        unembedding.of(
            mapped,
            (row, logits, gradient) ->
                divergences[row] = divergence(truth[first + row], logits, gradient, x.length));
    if (rate > 0) {
      learn(x, residual ? x : mapped, gradients, rate);
    }
    return Arrays.stream(divergences).average().orElseThrow();
  }

  private float[][] map(float[][] x) {
    int d = parameters.length - 1;
    try (var product = MatrixProduct.of(executor, Arrays.copyOf(parameters, d), x.length)) {
      float[][] mapped = product.of(x);
      for (int i = 0; i < x.length; i++) {
        if (residual) {
          Vectors.add(mapped[i], x[i]);
        }
        Vectors.add(mapped[i], parameters[d]);
      }
      return mapped;
    }
  }

  /**
   * Returns KL(model ‖ lens); its gradient with respect to the lens's logits is the difference of
   * the distributions.
   */
  private static double divergence(
      double[] truth, MemorySegment logits, MemorySegment gradient, int rows) {
    double total = LogProbability.logSum(logits);
    double sum = 0;
    for (int w = 0; w < truth.length; w++) {
      double log = logits.getAtIndex(JAVA_FLOAT, w) - total;
      double p = Math.exp(truth[w]);
      sum += p * (truth[w] - log);
      gradient.setAtIndex(JAVA_FLOAT, w, (float) ((Math.exp(log) - p) / rows));
    }
    return sum;
  }

  /**
   * Takes a step.
   *
   * @param sized rows of the size of the mapped activations
   */
  private void learn(float[][] x, float[][] sized, float[][] gradients, double rate) {
    float[][] weightGradients;
    float[][] columns = MatrixProduct.transposed(x);
    try (var product = MatrixProduct.of(executor, columns, gradients[0].length)) {
      weightGradients = product.of(MatrixProduct.transposed(gradients));
    }
    int d = weightGradients.length;
    var biasGradient = new float[d];
    double inputSquares = 0;
    double squares = 0;
    for (int i = 0; i < x.length; i++) {
      Vectors.add(biasGradient, gradients[i]);
      inputSquares += Vectors.dot(x[i], x[i]) / x.length / x[i].length;
      squares += Vectors.dot(sized[i], sized[i]) / x.length / d;
    }
    double matrixSquares = squares / inputSquares;
    double norm = squares * Vectors.dot(biasGradient, biasGradient);
    for (float[] row : weightGradients) {
      norm += matrixSquares * Vectors.dot(row, row);
    }
    double clip = Math.min(1, 1 / Math.sqrt(norm));
    IntStream.range(0, d)
        .parallel()
        .forEach(
            j -> descent.step(rate * matrixSquares, clip, j, parameters[j], weightGradients[j]));
    descent.step(rate * squares, clip, d, parameters[d], biasGradient);
  }
}

package dev.vidrio.lens.fact;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.numeric.Cholesky;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.List;

/**
 * The uncentered covariance {@code C = E[k kᵀ]} of the keys of a feed-forward block over a text:
 * what its output matrix is made for. Keys are the neuron activations, {@code mlp.hook_post}.
 *
 * <p>Takes {@code 12 d_ffn²} bytes. Immutable.
 */
public final class KeyCovariance {
  private final Cholesky factor;
  private final long tokens;

  /**
   * Factorizes a covariance.
   *
   * @param covariance [d_ffn][d_ffn], symmetric; its diagonal is overwritten
   * @param tokens number of keys
   * @param ridge added to the diagonal, as a multiple of its mean, so that few tokens suffice
   * @throws InvalidInputException if the matrix is singular
   */
  KeyCovariance(double[][] covariance, long tokens, double ridge) {
    double trace = 0;
    for (int i = 0; i < covariance.length; i++) {
      trace += covariance[i][i];
    }
    for (int i = 0; i < covariance.length; i++) {
      covariance[i][i] += ridge * trace / covariance.length;
    }
    try {
      this.factor = new Cholesky(covariance);
    } catch (ArithmeticException e) {
      throw new InvalidInputException(
          "covariance", tokens + " tokens", "is singular: needs more tokens or a larger ridge");
    }
    this.tokens = tokens;
  }

  /**
   * Computes the covariance of a layer over texts, without the first token of each, which has
   * atypical activations.
   *
   * @param texts tokens of each, two or more
   * @param ridge as a multiple of the mean of the diagonal
   * @throws InvalidInputException if the layer has no dense feed-forward block, or there is no text
   */
  public static KeyCovariance of(Lens lens, int layer, List<int[]> texts, double ridge) {
    Preconditions.require(!texts.isEmpty(), "texts", 0, "must be at least 1");
    Preconditions.require(
        ridge >= 0 && Double.isFinite(ridge), "ridge", ridge, "must be finite and not negative");
    FeedForwardPath.of(lens, layer);
    var point = new HookPoint(HookSite.POST, layer);
    int width = HookMap.of(lens.model()).buffer(point).width();
    var sum = new double[width][width];
    long tokens = 0;
    for (int[] text : texts) {
      Preconditions.require(text.length > 1, "text", text.length, "must have 2 tokens or more");
      float[][] keys;
      try (ActivationCache cache =
          lens.run(text, Capture.of(point.name()).positions(1, text.length))) {
        keys = MatrixProduct.transposed(cache.get(point).rows());
      }
      add(lens, keys, sum);
      tokens += text.length - 1;
    }
    for (double[] row : sum) {
      for (int j = 0; j < row.length; j++) {
        row[j] /= tokens;
      }
    }
    return new KeyCovariance(sum, tokens, ridge);
  }

  /** Adds the products of keys by column, [d_ffn][n]. */
  private static void add(Lens lens, float[][] columns, double[][] sum) {
    int rows = Math.min(256, columns.length);
    try (MatrixProduct product = MatrixProduct.of(lens.model().executor(), columns, rows)) {
      float[][] products = product.of(columns);
      for (int i = 0; i < sum.length; i++) {
        for (int j = 0; j < sum.length; j++) {
          sum[i][j] += products[i][j];
        }
      }
    }
  }

  /** Returns {@code C⁻¹ k}. */
  public double[] solve(double[] key) {
    return factor.solve(key);
  }

  /** Returns the number of tokens. */
  public long tokens() {
    return tokens;
  }
}

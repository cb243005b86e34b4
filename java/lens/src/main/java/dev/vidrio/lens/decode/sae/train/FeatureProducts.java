package dev.vidrio.lens.decode.sae.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The sums of a step of training over active features or over their tokens. If few features are
 * active, these are sums of rows; if many are, products of whole matrices by the kernels of an
 * executor, with 0 for features that are not active. Both have portable bits that do not depend on
 * the number of threads, and differ by the order of additions.
 *
 * <p>Not thread-safe.
 */
final class FeatureProducts implements AutoCloseable {
  /** The share of active pairs of a token and a feature from which whole matrices are faster. */
  static final double DENSE = 1 / 16.0;

  /** Rows of a matrix that are multiplied in one run. */
  private static final int ROWS = 1024;

  private final Executor executor;
  private final int features;
  private final int batch;

  /** The products of whole matrices, by their shapes. */
  private final Map<Shape, MatrixProduct> products = new LinkedHashMap<>();

  private record Shape(int n, int k) {}

  /**
   * Describes products, which allocate memory when they are first used.
   *
   * @param batch maximum tokens of a step
   */
  FeatureProducts(Executor executor, int features, int batch) {
    this.executor = executor;
    this.features = features;
    this.batch = batch;
  }

  private boolean isDense(long pairs, int tokens) {
    return pairs >= DENSE * features * tokens;
  }

  private boolean isDense(long pairs, TokenRows rows) {
    return rows.isCommon() && isDense(pairs, rows.of(0).length);
  }

  private MatrixProduct product(int n, int k) {
    return products.computeIfAbsent(
        new Shape(n, k), shape -> new MatrixProduct(executor, n, k, ROWS));
  }

  /** Adds to each token's sum the decoders of its active features times their values. */
  void addOutputs(ActiveFeatures active, float[][] decoder, float[][] sums) {
    if (!isDense(active.size(), sums.length)) {
      IntStream.range(0, sums.length).parallel().forEach(t -> active.addTo(t, decoder, sums[t], 0));
      return;
    }
    MatrixProduct product = product(decoder[0].length, features);
    product.transposedWeights(decoder);
    product.run(
        sums.length,
        (t, row) -> active.copyTo(t, row.fill((byte) 0)),
        (t, row) -> add(row, sums[t]));
  }

  /**
   * Returns the products of errors and decoders, for each active pair in the order of features.
   *
   * @param selections of active features, which share a product of whole matrices
   * @param errors [batch][d_out]
   */
  List<float[]> slopes(List<ActiveFeatures> selections, float[][] decoder, TokenRows errors) {
    List<float[]> slopes = selections.stream().map(active -> new float[active.size()]).toList();
    if (!isDense(selections.stream().mapToLong(ActiveFeatures::size).sum(), errors)) {
      for (int s = 0; s < slopes.size(); s++) {
        ActiveFeatures active = selections.get(s);
        float[] own = slopes.get(s);
        active.forEach(
            (f, i) -> own[i] = (float) Vectors.dot(errors.of(f)[active.token(i)], decoder[f]));
      }
      return slopes;
    }
    MatrixProduct product = product(batch, decoder[0].length);
    product.weights(errors.of(0));
    product.run(
        features,
        (f, row) -> MemorySegment.copy(decoder[f], 0, row, JAVA_FLOAT, 0, decoder[f].length),
        (f, row) -> {
          for (int s = 0; s < slopes.size(); s++) {
            selections.get(s).copyFrom(f, row, slopes.get(s));
          }
        });
    return slopes;
  }

  /**
   * Adds to each feature's sum the rows of its tokens times factors.
   *
   * @param factors in the order of features
   */
  void addRows(ActiveFeatures active, float[] factors, TokenRows rows, float[][] sums) {
    if (!isDense(active.size(), rows)) {
      active.forEach((f, i) -> Vectors.add(sums[f], factors[i], rows.of(f)[active.token(i)]));
      return;
    }
    MatrixProduct product = product(sums[0].length, batch);
    product.transposedWeights(rows.of(0));
    product.run(
        features,
        (f, row) -> {
          row.fill((byte) 0);
          for (int i = active.begin(f); i < active.begin(f + 1); i++) {
            row.setAtIndex(JAVA_FLOAT, active.token(i), factors[i]);
          }
        },
        (f, row) -> add(row, sums[f]));
  }

  private static void add(MemorySegment row, float[] sum) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += row.getAtIndex(JAVA_FLOAT, j);
    }
  }

  @Override
  public void close() {
    products.values().forEach(MatrixProduct::close);
  }
}

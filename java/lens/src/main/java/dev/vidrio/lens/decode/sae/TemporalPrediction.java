package dev.vidrio.lens.decode.sae;

import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.memory.FloatTensors;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * The part of a temporal autoencoder that predicts an activation from those of earlier tokens.
 *
 * <p>Each layer encodes the residuals r of all tokens, {@code z_t = ReLU(λ r_t W_enc)} [d_sae], and
 * attends from z_t to z_0 … z_{t−1} and to a row of zeros before them. The result, after a ReLU and
 * projected by W_dec, is y_t [d_in]; the layer subtracts from r_t its projection to y_t.
 *
 * <p>Not thread-safe.
 */
final class TemporalPrediction implements AutoCloseable {
  /** Rows that are computed at once. */
  private static final int ROWS = 64;

  private static final float EPSILON = 1e-6f;

  // Parts of the names of tensors; the products of a layer are in the order of Layer.
  private static final String WEIGHT = ".weight";
  private static final String BIAS = ".bias";
  private static final List<String> LINEAR = List.of("k_ctx", "q_target", "v_ctx", "c_proj");

  private final int heads;
  private final List<Layer> layers;
  private final MatrixProduct decoder;

  private TemporalPrediction(int heads, List<Layer> layers, MatrixProduct decoder) {
    this.heads = heads;
    this.layers = List.copyOf(layers);
    this.decoder = decoder;
  }

  /** A product with a bias. */
  private static final class Linear implements AutoCloseable {
    private final MatrixProduct product;
    private final float[] bias;

    Linear(MatrixProduct product, float[] bias) {
      this.product = product;
      this.bias = bias;
    }

    /** Reads {@code name.weight} [n][k] and {@code name.bias} [n]. */
    static Linear read(Executor executor, Safetensors file, String name, int n, int k) {
      float[] bias = FloatTensors.values(file, name + BIAS, n);
      float[][] weights = FloatTensors.rows(file, name + WEIGHT, n, k);
      return new Linear(MatrixProduct.of(executor, weights, ROWS), bias);
    }

    float[][] of(float[][] x) {
      float[][] y = product.of(x);
      for (float[] row : y) {
        Vectors.add(row, bias);
      }
      return y;
    }

    @Override
    public void close() {
      product.close();
    }
  }

  /** The products of an attention layer. */
  private record Layer(Linear keys, Linear queries, Linear values, Linear outputs) {
    List<Linear> all() {
      return List.of(keys, queries, values, outputs);
    }
  }

  /** Returns the names of the tensors that {@link #read} reads. */
  static List<String> tensors(TemporalConfig config) {
    return IntStream.range(0, config.layers())
        .boxed()
        .flatMap(l -> LINEAR.stream().map(linear -> name(l, linear)))
        .flatMap(name -> List.of(name + WEIGHT, name + BIAS).stream())
        .toList();
  }

  private static String name(int layer, String linear) {
    return "attn_layers." + layer + "." + linear;
  }

  /**
   * Reads the attention layers of a file.
   *
   * @param decoder W_dec, [d_sae][d_in]
   */
  static TemporalPrediction read(
      Executor executor, Safetensors file, TemporalConfig config, float[][] decoder) {
    List<Linear> read = new ArrayList<>();
    try {
      List<Layer> layers = new ArrayList<>();
      for (int l = 0; l < config.layers(); l++) {
        for (String linear : LINEAR) {
          boolean narrow = linear.equals("k_ctx") || linear.equals("q_target");
          int n = narrow ? config.keys() : config.dSae();
          read.add(Linear.read(executor, file, name(l, linear), n, config.dSae()));
        }
        List<Linear> last = read.subList(read.size() - LINEAR.size(), read.size());
        layers.add(new Layer(last.get(0), last.get(1), last.get(2), last.get(3)));
      }
      float[][] columns = MatrixProduct.transposed(decoder);
      return new TemporalPrediction(
          config.heads(), layers, MatrixProduct.of(executor, columns, ROWS));
    } catch (Throwable e) {
      read.forEach(Linear::close);
      throw e;
    }
  }

  /**
   * Returns what the predictions leave of the activations of a text.
   *
   * @param inputs the activations of all tokens, [n][d_in]
   * @param encoder returns {@code λ r W_enc} for rows r
   */
  float[][] residuals(float[][] inputs, UnaryOperator<float[][]> encoder) {
    float[][] residuals = Vectors.copy(inputs);
    for (Layer layer : layers) {
      subtract(layer, residuals, encoder);
    }
    return residuals;
  }

  private void subtract(Layer layer, float[][] residuals, UnaryOperator<float[][]> encoder) {
    int n = residuals.length;
    // Row 0 is that of zeros, row t + 1 that of token t.
    var keys = new float[n + 1][];
    var values = new float[n + 1][];
    keys[0] = layer.keys.bias;
    values[0] = layer.values.bias;
    for (int begin = 0; begin < n; begin += ROWS) {
      int first = begin;
      int end = Math.min(n, begin + ROWS);
      float[][] codes = positive(encoder.apply(Arrays.copyOfRange(residuals, begin, end)));
      System.arraycopy(layer.keys.of(codes), 0, keys, begin + 1, codes.length);
      System.arraycopy(layer.values.of(codes), 0, values, begin + 1, codes.length);
      float[][] queries = layer.queries.of(codes);
      float[][] attended =
          IntStream.range(0, queries.length)
              .parallel()
              .mapToObj(i -> attend(queries[i], keys, values, first + i + 1))
              .toArray(float[][]::new);
      float[][] predicted = decoder.of(positive(layer.outputs.of(attended)));
      for (int i = 0; i < predicted.length; i++) {
        subtractProjection(residuals[begin + i], predicted[i]);
      }
    }
  }

  private static float[][] positive(float[][] rows) {
    for (float[] row : rows) {
      for (int j = 0; j < row.length; j++) {
        row[j] = Math.max(0, row[j]);
      }
    }
    return rows;
  }

  /** Returns the attention of a query to the first {@code count} keys, by heads. */
  private float[] attend(float[] query, float[][] keys, float[][] values, int count) {
    int dKey = query.length / heads;
    int dValue = values[0].length / heads;
    var sum = new float[values[0].length];
    for (int h = 0; h < heads; h++) {
      double[] weights = weights(query, keys, count, h * dKey, (h + 1) * dKey);
      for (int t = 0; t < count; t++) {
        float weight = (float) weights[t];
        float[] row = values[t];
        for (int j = h * dValue; j < (h + 1) * dValue; j++) {
          sum[j] += weight * row[j];
        }
      }
    }
    return sum;
  }

  /** Returns the softmax of a head's scores, by elements [begin, end). */
  private static double[] weights(float[] query, float[][] keys, int count, int begin, int end) {
    var weights = new double[count];
    double max = Double.NEGATIVE_INFINITY;
    for (int t = 0; t < count; t++) {
      for (int j = begin; j < end; j++) {
        weights[t] += (double) query[j] * keys[t][j];
      }
      weights[t] /= Math.sqrt(end - begin);
      max = Math.max(max, weights[t]);
    }
    double total = 0;
    for (int t = 0; t < count; t++) {
      weights[t] = Math.exp(weights[t] - max);
      total += weights[t];
    }
    for (int t = 0; t < count; t++) {
      weights[t] /= total;
    }
    return weights;
  }

  private static void subtractProjection(float[] residual, float[] direction) {
    double norm = Vectors.norm(direction) + EPSILON;
    float scale = (float) (Vectors.dot(direction, residual) / (norm * norm));
    Vectors.add(residual, -scale, direction);
  }

  @Override
  public void close() {
    layers.forEach(layer -> layer.all().forEach(Linear::close));
    decoder.close();
  }
}

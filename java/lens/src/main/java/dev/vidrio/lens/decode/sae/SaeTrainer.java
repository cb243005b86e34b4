package dev.vidrio.lens.decode.sae;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.SaeConfig.Activation;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;

/**
 * Trains a small sparse autoencoder: Adam on {@code ‖z − ẑ‖²}, with the sparsity of TopK (Gao et
 * al. 2024, arXiv 2406.04093), BatchTopK (Bussmann et al. 2024, arXiv 2412.06410) or ReLU with a
 * penalty (Bricken et al. 2023). The decoder's rows have norm 1. Dead features receive a gradient
 * too: the strongest of them learn to explain the residual (AuxK, Gao et al.).
 *
 * <p>Activations are first scaled to a mean norm of √d, so that learning rates transfer between
 * models; the scale is folded into the result. Gradients are sparse: after the encoder's product,
 * work is proportional to the number of active features.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/decoding.md"
 */
public final class SaeTrainer implements AutoCloseable {
  /** Weight of the auxiliary loss of dead features. */
  private static final float AUXILIARY = 1f / 32;

  private final float[][] rows;
  private final float scale;
  private final SaeOptions options;
  private final SplitMix64 random;
  private final int d;
  private final float[][] encoder;
  private final float[][] decoder;
  private final float[] encoderBias;
  private final float[] decoderBias;
  private final int[] idle;
  private final MatrixProduct product;
  private final Adam encoderAdam;
  private final Adam decoderAdam;
  private final Adam biasAdam;
  private double threshold;
  private int steps;

  /**
   * Prepares training.
   *
   * @param rows activations [n][d], which must not be modified
   */
  public SaeTrainer(Executor executor, float[][] rows, SaeOptions options) {
    String least = "must be " + options.batch() + " or more";
    Preconditions.require(rows.length >= options.batch(), "activations", rows.length, least);
    this.rows = rows;
    this.options = options;
    this.random = new SplitMix64(options.seed());
    this.d = rows[0].length;
    double length = Arrays.stream(rows).mapToDouble(Vectors::norm).average().orElseThrow();
    boolean valid = length > 0 && Double.isFinite(length);
    Preconditions.require(
        valid, "activations", "of mean length " + length, "must be finite, and not all zeros");
    this.scale = (float) (Math.sqrt(d) / length);
    this.decoder = directions();
    this.encoder = Arrays.stream(decoder).map(float[]::clone).toArray(float[][]::new);
    this.encoderBias = new float[options.features()];
    this.decoderBias = mean();
    this.idle = new int[options.features()];
    this.encoderAdam = new Adam(encoder);
    this.decoderAdam = new Adam(decoder);
    this.biasAdam = new Adam(new float[][] {encoderBias, decoderBias});
    this.product = new MatrixProduct(executor, options.features(), d, options.batch());
  }

  /** Returns random directions of norm 1. */
  private float[][] directions() {
    var directions = new float[options.features()][d];
    for (float[] direction : directions) {
      for (int j = 0; j < d; j++) {
        // The sum of twelve uniform numbers is approximately normal.
        double sum = -6;
        for (int i = 0; i < 12; i++) {
          sum += random.nextDouble();
        }
        direction[j] = (float) sum;
      }
      normalize(direction);
    }
    return directions;
  }

  private static void normalize(float[] row) {
    Vectors.scale(row, (float) (1 / Vectors.norm(row)));
  }

  private float[] mean() {
    var sum = new double[d];
    for (float[] row : rows) {
      for (int j = 0; j < d; j++) {
        sum[j] += row[j];
      }
    }
    var mean = new float[d];
    for (int j = 0; j < d; j++) {
      mean[j] = (float) (scale * sum[j] / rows.length);
    }
    return mean;
  }

  /**
   * Runs the steps of the options.
   *
   * @param progress receives the loss of each step, the mean of {@code ‖z − ẑ‖²} over that of
   *     {@code ‖z‖²}
   */
  public void run(DoubleConsumer progress) {
    for (int i = 0; i < options.steps(); i++) {
      progress.accept(step());
    }
  }

  /** Runs one step and returns its loss. */
  public double step() {
    var x = new float[options.batch()][d];
    for (float[] row : x) {
      float[] drawn = rows[(int) (random.nextDouble() * rows.length)];
      for (int j = 0; j < d; j++) {
        row[j] = scale * drawn[j];
      }
    }
    steps++;
    var batch = new SaeBatch(x, encoder, decoder, decoderBias);
    float[][] pre = preActivations(batch);
    Features[] active = activate(pre);
    batch.reconstruct(active);
    countIdle(active);
    var gradients = new SaeGradients(options.features(), d);
    batch.backward(active, options.penalty(), gradients);
    batch.backwardOfRest(greatestDead(pre), AUXILIARY, gradients);
    descend(gradients);
    return batch.loss();
  }

  private float[][] preActivations(SaeBatch batch) {
    product.weights(encoder);
    float[][] pre = product.of(batch.centered());
    for (float[] row : pre) {
      for (int f = 0; f < row.length; f++) {
        row[f] += encoderBias[f];
      }
    }
    return pre;
  }

  private Features[] activate(float[][] pre) {
    double least = 0;
    if (options.batchTopK()) {
      least = batchThreshold(pre);
      threshold = steps == 1 ? least : 0.99 * threshold + 0.01 * least;
    }
    double kept = least;
    int k = options.batchTopK() || options.k() == 0 ? options.features() : options.k();
    return Arrays.stream(pre)
        .parallel()
        .map(row -> SaeBatch.greatest(row, k, f -> row[f] > 0 && row[f] >= kept))
        .toArray(Features[]::new);
  }

  /** Returns the smallest of the k · batch largest pre-activations of a batch. */
  private double batchThreshold(float[][] pre) {
    float[] all = new float[pre.length * options.features()];
    for (int i = 0; i < pre.length; i++) {
      System.arraycopy(pre[i], 0, all, i * options.features(), options.features());
    }
    Arrays.parallelSort(all);
    return Math.max(0, all[Math.max(0, all.length - options.k() * pre.length)]);
  }

  private void countIdle(Features[] active) {
    for (int f = 0; f < idle.length; f++) {
      idle[f]++;
    }
    for (Features row : active) {
      for (int i = 0; i < row.count(); i++) {
        idle[row.id(i)] = 0;
      }
    }
  }

  /** Returns, per token, the dead features with the largest pre-activations, of either sign. */
  private Features[] greatestDead(float[][] pre) {
    int k = Math.min(dead(), Math.max(1, d / 2));
    return Arrays.stream(pre)
        .parallel()
        .map(row -> SaeBatch.greatest(row, k, this::isDead))
        .toArray(Features[]::new);
  }

  /** Runs a step of Adam and normalizes the decoder's rows. */
  private void descend(SaeGradients gradients) {
    double rate = options.learningRate();
    IntStream.range(0, encoder.length)
        .parallel()
        .forEach(
            f -> {
              encoderAdam.step(steps, rate, f, encoder[f], gradients.encoder[f]);
              float[] direction = decoder[f];
              float along = (float) Vectors.dot(direction, gradients.decoder[f]);
              for (int j = 0; j < d; j++) {
                gradients.decoder[f][j] -= along * direction[j];
              }
              decoderAdam.step(steps, rate, f, direction, gradients.decoder[f]);
              normalize(direction);
            });
    biasAdam.step(steps, rate, 0, encoderBias, gradients.encoderBias);
    biasAdam.step(steps, rate, 1, decoderBias, gradients.decoderBias);
  }

  /**
   * Returns the current autoencoder; BatchTopK becomes JumpReLU with a common threshold.
   *
   * @param hook the hook point of the activations
   */
  public SparseAutoencoder result(Executor executor, String hook) {
    Map<String, float[]> vectors = new LinkedHashMap<>();
    vectors.put("b_enc", divided(encoderBias));
    vectors.put("b_dec", divided(decoderBias));
    Activation activation = options.k() == 0 ? Activation.RELU : Activation.TOPK;
    if (options.batchTopK()) {
      activation = Activation.JUMPRELU;
      var thresholds = new float[options.features()];
      Arrays.fill(thresholds, (float) (threshold / scale));
      vectors.put("threshold", thresholds);
    }
    var weights =
        new SaeWeights(
            Arrays.stream(encoder).map(float[]::clone).toArray(float[][]::new),
            Arrays.stream(decoder).map(float[]::clone).toArray(float[][]::new),
            vectors,
            null);
    int k = activation == Activation.TOPK ? options.k() : 0;
    return new SparseAutoencoder(
        executor, SaeConfig.autoencoder(activation, d, options.features(), k, hook), weights);
  }

  /** Divides biases by the scale of activations; matrices with rows of norm 1 do not change. */
  private float[] divided(float[] bias) {
    float[] divided = bias.clone();
    for (int j = 0; j < divided.length; j++) {
      divided[j] /= scale;
    }
    return divided;
  }

  /** Returns the number of features that are dead according to the options. */
  public int dead() {
    return (int) IntStream.range(0, idle.length).filter(this::isDead).count();
  }

  private boolean isDead(int feature) {
    return idle[feature] >= options.deadAfter();
  }

  @Override
  public void close() {
    product.close();
  }
}

package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.SaeConfig.Activation;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RandomDirections;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Trains a small sparse autoencoder or transcoder: Adam on {@code ‖z − ẑ‖²}, with the sparsity of
 * TopK (Gao et al. 2024, arXiv 2406.04093), BatchTopK (Bussmann et al. 2024, arXiv 2412.06410) or
 * ReLU with a penalty (Bricken et al. 2023). The decoder's rows have norm 1. Dead features receive
 * a gradient too: the strongest of them learn to explain the residual (AuxK, Gao et al.).
 *
 * <p>Activations are first scaled to a mean norm of √d, so that learning rates transfer between
 * models; the scales of inputs and outputs are folded into the result. Gradients are sparse: after
 * the encoder's product, work is proportional to the number of active features.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/decoding.md"
 */
public final class SaeTrainer implements AutoCloseable {
  /** Weight of the auxiliary loss of dead features. */
  private static final float AUXILIARY = 1f / 32;

  private final float[][] inputs;
  private final float[][] outputs;
  private final boolean transcoder;
  private final float inputScale;
  private final float outputScale;
  private final SaeOptions options;
  private final SplitMix64 random;
  private final float[][] encoder;
  private final float[][] decoder;
  private final float[] encoderBias;
  private final float[] decoderBias;
  private final int[] idle;
  private final MatrixProduct product;
  private final Adam encoderAdam;
  private final Adam decoderAdam;
  private final Adam biasAdam;
  private final @Nullable SkipTraining skip;
  private double threshold;
  private int steps;

  /**
   * Prepares the training of an autoencoder.
   *
   * @param rows activations [n][d], which must not be modified
   */
  public SaeTrainer(Executor executor, float[][] rows, SaeOptions options) {
    this(executor, rows, rows, false, false, options);
  }

  private SaeTrainer(
      Executor executor,
      float[][] inputs,
      float[][] outputs,
      boolean transcoder,
      boolean skips,
      SaeOptions options) {
    String least = "must be " + options.batch() + " or more";
    Preconditions.require(inputs.length >= options.batch(), "activations", inputs.length, least);
    this.inputs = inputs;
    this.outputs = outputs;
    this.transcoder = transcoder;
    this.options = options;
    this.random = new SplitMix64(options.seed());
    this.inputScale = scale(inputs);
    this.outputScale = transcoder ? scale(outputs) : inputScale;
    this.decoder = RandomDirections.of(random, options.features(), outputs[0].length);
    this.encoder =
        transcoder
            ? RandomDirections.of(random, options.features(), inputs[0].length)
            : Vectors.copy(decoder);
    this.encoderBias = new float[options.features()];
    this.decoderBias = mean();
    this.idle = new int[options.features()];
    this.encoderAdam = new Adam(encoder);
    this.decoderAdam = new Adam(decoder);
    this.biasAdam = new Adam(new float[][] {encoderBias, decoderBias});
    this.product =
        new MatrixProduct(executor, options.features(), inputs[0].length, options.batch());
    this.skip =
        skips
            ? new SkipTraining(executor, inputs[0].length, outputs[0].length, options.batch())
            : null;
  }

  /**
   * Prepares the training of a transcoder (Dunefsky et al. 2024, arXiv 2406.11944), which maps the
   * input of a feed-forward block to its output.
   *
   * @param inputs [n][d_in], which must not be modified
   * @param outputs [n][d_out] of the same tokens, which must not be modified
   * @param skips whether it has a skip connection, a linear map from input to output (Paulo et al.
   *     2025, arXiv 2501.18823)
   * @param options BatchTopK, or ReLU with a penalty: SAELens has no format for others
   * @throws InvalidInputException if there are fewer rows than in a batch, or they are all zeros,
   *     or the options are others
   */
  public static SaeTrainer ofTranscoder(
      Executor executor, float[][] inputs, float[][] outputs, boolean skips, SaeOptions options) {
    Preconditions.require(
        inputs.length == outputs.length,
        "activations",
        inputs.length + " inputs and " + outputs.length + " outputs",
        "must be as many");
    Preconditions.require(
        options.batchTopK() || options.k() == 0,
        "k",
        options.k(),
        "a transcoder takes BatchTopK, or a penalty: SAELens has no format for TopK");
    return new SaeTrainer(executor, inputs, outputs, true, skips, options);
  }

  /** Returns the factor that gives activations a mean norm of √d. */
  private static float scale(float[][] rows) {
    double length = Arrays.stream(rows).mapToDouble(Vectors::norm).average().orElseThrow();
    boolean valid = length > 0 && Double.isFinite(length);
    Preconditions.require(
        valid, "activations", "of mean length " + length, "must be finite, and not all zeros");
    return (float) (Math.sqrt(rows[0].length) / length);
  }

  /** Returns the mean of the scaled outputs. */
  private float[] mean() {
    var sum = new double[outputs[0].length];
    for (float[] row : outputs) {
      for (int j = 0; j < sum.length; j++) {
        sum[j] += row[j];
      }
    }
    var mean = new float[sum.length];
    for (int j = 0; j < mean.length; j++) {
      mean[j] = (float) (outputScale * sum[j] / outputs.length);
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
    var x = new float[options.batch()][];
    var z = new float[options.batch()][];
    for (int i = 0; i < x.length; i++) {
      int drawn = (int) (random.nextDouble() * inputs.length);
      x[i] = inputs[drawn].clone();
      Vectors.scale(x[i], inputScale);
      z[i] = x[i];
      if (transcoder) {
        z[i] = outputs[drawn].clone();
        Vectors.scale(z[i], outputScale);
      }
    }
    steps++;
    // Features explain what the skip connection leaves.
    float[][] left = skip == null ? z : skip.rest(x, z);
    var batch = new SaeBatch(x, left, transcoder, encoder, decoder, decoderBias);
    float[][] pre = preActivations(batch);
    Features[] active = activate(pre);
    batch.reconstruct(active);
    countIdle(active);
    var gradients = new SaeGradients(options.features(), inputs[0].length, outputs[0].length);
    batch.backward(active, options.penalty(), gradients);
    batch.backwardOfRest(greatestDead(pre), AUXILIARY, gradients);
    descend(gradients);
    if (skip != null) {
      skip.descend(steps, options.learningRate(), batch.errors(), x);
    }
    return batch.loss(z);
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
    int k = Math.min(dead(), Math.max(1, decoderBias.length / 2));
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
              for (int j = 0; j < direction.length; j++) {
                gradients.decoder[f][j] -= along * direction[j];
              }
              decoderAdam.step(steps, rate, f, direction, gradients.decoder[f]);
              Vectors.normalize(direction);
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
    return result(executor, hook, hook);
  }

  /**
   * Returns the current autoencoder or transcoder; BatchTopK becomes JumpReLU with a common
   * threshold.
   *
   * @param hookIn the hook point of the inputs
   * @param hookOut the hook point of the outputs
   */
  public SparseAutoencoder result(Executor executor, String hookIn, String hookOut) {
    Map<String, float[]> vectors = new LinkedHashMap<>();
    vectors.put("b_enc", divided(encoderBias, inputScale));
    vectors.put("b_dec", divided(decoderBias, outputScale));
    Activation activation = options.k() == 0 ? Activation.RELU : Activation.TOPK;
    if (options.batchTopK()) {
      activation = Activation.JUMPRELU;
      var thresholds = new float[options.features()];
      Arrays.fill(thresholds, (float) (threshold / inputScale));
      vectors.put("threshold", thresholds);
    }
    // Features have the scale of the inputs.
    float toOutputs = inputScale / outputScale;
    float[][] directions = Vectors.copy(decoder);
    for (float[] direction : directions) {
      Vectors.scale(direction, toOutputs);
    }
    var weights =
        new SaeWeights(
            Vectors.copy(encoder),
            directions,
            vectors,
            skip == null ? null : skip.weights(toOutputs));
    int k = activation == Activation.TOPK ? options.k() : 0;
    SaeConfig config =
        transcoder
            ? SaeConfig.transcoder(activation, weights, k, hookIn, hookOut)
            : SaeConfig.autoencoder(activation, decoderBias.length, options.features(), k, hookIn);
    return new SparseAutoencoder(executor, config, weights);
  }

  private static float[] divided(float[] bias, float scale) {
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
    if (skip != null) {
      skip.close();
    }
  }
}

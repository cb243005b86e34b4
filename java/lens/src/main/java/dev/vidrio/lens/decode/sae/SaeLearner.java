package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.SaeConfig.Activation;
import dev.vidrio.lens.decode.sae.train.ActivationMeans;
import dev.vidrio.lens.decode.sae.train.ActivationRows;
import dev.vidrio.lens.decode.sae.train.ActiveFeatures;
import dev.vidrio.lens.decode.sae.train.BatchThreshold;
import dev.vidrio.lens.decode.sae.train.BatchTrainer;
import dev.vidrio.lens.decode.sae.train.FeatureGradients;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.Schedule;
import dev.vidrio.lens.decode.sae.train.TrainingState;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RandomDirections;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Trains an autoencoder or transcoder by steps of Adam on {@code ‖z − ẑ‖²}, with decoders of norm
 * 1.
 *
 * <p>Activations are scaled to a mean norm of √d, so that learning rates transfer between models;
 * results have the scales folded in. Not thread-safe.
 */
final class SaeLearner implements BatchTrainer<TrainingProgress> {
  private final SaeShape shape;
  private final SaeOptions options;
  private final Schedule schedule;
  private final FeatureWeights features;
  private final @Nullable SkipTraining skip;
  private final TrainingState state = new TrainingState();

  /** [1][d_out]. */
  private final float[][] outputBias;

  private final Adam outputBiasAdam;

  /** Factors of inputs and of outputs, [1][2]. */
  private final float[][] scales = {{1, 1}};

  /**
   * Draws initial weights.
   *
   * @throws InvalidInputException if the options are those of a transcoder with TopK, for which
   *     SAELens has no format
   */
  SaeLearner(Executor executor, SaeShape shape, SaeOptions options) {
    Preconditions.require(
        !shape.transcoder() || options.batchTopK() || options.k() == 0,
        "k",
        options.k(),
        "a transcoder takes BatchTopK, or a penalty: SAELens has no format for TopK");
    this.shape = shape;
    this.options = options;
    this.schedule = options.schedule();
    var random = new SplitMix64(options.seed());
    float[][] decoder = RandomDirections.of(random, options.features(), shape.outputs());
    float[][] encoder =
        shape.transcoder()
            ? RandomDirections.of(random, options.features(), shape.inputs())
            : Vectors.copy(decoder);
    this.outputBias = new float[1][shape.outputs()];
    this.outputBiasAdam = new Adam(outputBias);
    this.features = FeatureWeights.withUnitDecoders(executor, encoder, decoder, options.batch());
    try {
      this.skip = shape.skips() ? new SkipTraining(executor, shape, options.batch()) : null;
    } catch (Throwable e) {
      features.close();
      throw e;
    }
    state.add("scales", scales);
    state.add("output_bias", outputBias, outputBiasAdam);
    features.addTo(state, "");
    if (skip != null) {
      skip.addTo(state);
    }
  }

  @Override
  public int columns() {
    return shape.columns();
  }

  @Override
  public TrainingState state() {
    return state;
  }

  FeatureWeights features() {
    return features;
  }

  /** Returns the bias of the outputs, [1][d_out]. */
  float[][] outputBias() {
    return outputBias;
  }

  /** Returns the number of features that are dead according to the options. */
  int dead() {
    return features.dead(options.deadAfter());
  }

  @Override
  public void prepare(ActivationRows rows) {
    int first = shape.columns() - shape.outputs();
    var means =
        shape.transcoder()
            ? new ActivationMeans(rows, shape.inputs(), shape.outputs())
            : new ActivationMeans(rows, shape.inputs());
    scales[0][0] = means.scale(0);
    scales[0][1] = means.scale(shape.transcoder() ? 1 : 0);
    for (int j = 0; j < shape.outputs(); j++) {
      outputBias[0][j] = means.mean(first + j, scales[0][1]);
    }
  }

  @Override
  public TrainingProgress step(float[][] rows) {
    float[][] x = scaled(rows, 0, shape.inputs(), scales[0][0]);
    float[][] z = shape.transcoder() ? scaled(rows, shape.inputs(), columns(), scales[0][1]) : x;
    int step = state.beginStep();
    double rate = schedule.rate(step);
    // Features explain what the skip connection leaves.
    float[][] left = skip == null ? z : skip.rest(x, z);
    float[][] inputs = encoderInputs(x);
    float[][] pre = features.preActivations(inputs);
    ActiveFeatures active = active(pre);
    float[][] errors = errors(active, left);
    FeatureGradients gradients =
        features.gradients(active, pre, inputs, errors, options.penalty(), options.deadAfter());
    float[] biasGradient = outputBiasGradient(errors, gradients);
    features.descend(step, rate, gradients);
    outputBiasAdam.step(step, rate, 0, outputBias[0], biasGradient);
    if (skip != null) {
      skip.descend(step, rate, errors, x);
    }
    double l0 = active.size() / (double) rows.length;
    return new TrainingProgress(step, Vectors.relativeSquares(errors, z), l0, dead());
  }

  private static float[][] scaled(float[][] rows, int from, int to, float scale) {
    var scaled = new float[rows.length][];
    for (int b = 0; b < scaled.length; b++) {
      scaled[b] = Arrays.copyOfRange(rows[b], from, to);
      Vectors.scale(scaled[b], scale);
    }
    return scaled;
  }

  /** Returns x − b_dec of an autoencoder, x of a transcoder. */
  float[][] encoderInputs(float[][] x) {
    return shape.transcoder()
        ? x
        : Arrays.stream(x).map(row -> Vectors.minus(row, outputBias[0])).toArray(float[][]::new);
  }

  private ActiveFeatures active(float[][] pre) {
    if (options.k() > 0 && !options.batchTopK()) {
      return features.largest(pre, options.k());
    }
    double least = 0;
    if (options.batchTopK()) {
      least = BatchThreshold.of(features.strengths(pre), (long) options.k() * pre.length);
      state.addThreshold(least);
    }
    return features.active(pre, least);
  }

  /** Returns ẑ − z. */
  float[][] errors(ActiveFeatures active, float[][] z) {
    var errors = new float[z.length][];
    IntStream.range(0, z.length)
        .parallel()
        .forEach(
            b -> {
              errors[b] = Vectors.minus(outputBias[0], z[b]);
              active.addTo(b, features.decoder(), errors[b], 0);
            });
    return errors;
  }

  /** Returns the gradient of b_dec, from which the encoder of an autoencoder reads differences. */
  float[] outputBiasGradient(float[][] errors, FeatureGradients gradients) {
    var sum = new float[shape.outputs()];
    for (float[] error : errors) {
      Vectors.add(sum, 2f / errors.length, error);
    }
    for (int f = 0; !shape.transcoder() && f < options.features(); f++) {
      Vectors.add(sum, -gradients.bias()[f], features.encoder()[f]);
    }
    return sum;
  }

  /** Returns the current dictionary for activations that are not scaled. */
  SparseAutoencoder result(Executor executor, String hookIn, String hookOut) {
    float inputScale = scales[0][0];
    float outputScale = scales[0][1];
    Map<String, float[]> vectors = new LinkedHashMap<>();
    vectors.put("b_enc", divided(features.bias()[0], inputScale));
    vectors.put("b_dec", divided(outputBias[0], outputScale));
    Activation activation = options.k() == 0 ? Activation.RELU : Activation.TOPK;
    if (options.batchTopK()) {
      activation = Activation.JUMPRELU;
      var thresholds = new float[options.features()];
      Arrays.fill(thresholds, (float) (state.threshold() / inputScale));
      vectors.put("threshold", thresholds);
    }
    // Features have the scale of the inputs.
    float toOutputs = inputScale / outputScale;
    float[][] directions = Vectors.copy(features.decoder());
    for (float[] direction : directions) {
      Vectors.scale(direction, toOutputs);
    }
    var weights =
        new SaeWeights(
            Vectors.copy(features.encoder()),
            directions,
            vectors,
            skip == null ? null : skip.weights(toOutputs));
    int k = activation == Activation.TOPK ? options.k() : 0;
    SaeConfig config =
        shape.transcoder()
            ? SaeConfig.transcoder(activation, weights, k, hookIn, hookOut)
            : SaeConfig.autoencoder(activation, shape.outputs(), options.features(), k, hookIn);
    return new SparseAutoencoder(executor, config, weights);
  }

  private static float[] divided(float[] bias, float scale) {
    float[] divided = bias.clone();
    for (int j = 0; j < divided.length; j++) {
      divided[j] /= scale;
    }
    return divided;
  }

  @Override
  public void close() {
    features.close();
    if (skip != null) {
      skip.close();
    }
  }
}

package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.train.ActivationMeans;
import dev.vidrio.lens.decode.sae.train.ActivationRows;
import dev.vidrio.lens.decode.sae.train.BatchTrainer;
import dev.vidrio.lens.decode.sae.train.FeatureGradients;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.Schedule;
import dev.vidrio.lens.decode.sae.train.TrainedVector;
import dev.vidrio.lens.decode.sae.train.TrainingState;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RandomDirections;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Trains an autoencoder or transcoder by steps of Adam on {@code ‖z − ẑ‖²} and the losses of its
 * kind. Initial weights, gradients, their maximum norm and their use are those of SAELens.
 *
 * <p>Activations are scaled to a mean norm of √d, so that learning rates transfer between models;
 * results have the scales folded in. Not thread-safe.
 */
final class SaeLearner implements BatchTrainer<TrainingProgress> {
  /** The norm of initial directions, unless the decoder is the encoder too. */
  private static final float INITIAL_NORM = 0.1f;

  /** The maximum norm of the gradient of all parameters; a larger one is scaled down. */
  private static final double MAXIMUM_GRADIENT = 1;

  private final SaeShape shape;
  private final SaeOptions options;
  private final Schedule schedule;
  private final FeatureWeights features;
  private final SaeLoss loss;
  private final @Nullable SkipTraining skip;
  private final TrainingState state = new TrainingState();
  private final TrainedVector outputBias;

  /** The bias of outputs and the parameters of the kind. */
  private final List<TrainedVector> vectors = new ArrayList<>();

  /** Factors of inputs and of outputs, [1][2]. */
  private final float[][] scales = {{1, 1}};

  /**
   * Draws initial weights.
   *
   * @throws InvalidInputException if the options are those of a transcoder of a kind for which
   *     SAELens has no format
   */
  SaeLearner(Executor executor, SaeShape shape, SaeOptions options) {
    Preconditions.require(
        !shape.transcoder() || options.kind().hasTranscoders(),
        "kind",
        options.kind(),
        "SAELens has no format for such transcoders");
    this.shape = shape;
    this.options = options;
    this.schedule = options.schedule();
    var random = new SplitMix64(options.seed());
    boolean tied = options.kind().isTied();
    float norm = tied ? 1 : INITIAL_NORM;
    float[][] decoder = directions(random, shape.outputs(), norm);
    float[][] encoder =
        shape.transcoder()
            ? directions(random, shape.inputs(), norm)
            : tied ? decoder : Vectors.copy(decoder);
    this.outputBias = TrainedVector.zeros("output_bias", shape.outputs());
    this.features =
        new FeatureWeights(executor, encoder, decoder, shape.outputs(), options.batch());
    try {
      this.skip = shape.skips() ? new SkipTraining(executor, shape, options.batch()) : null;
    } catch (Throwable e) {
      features.close();
      throw e;
    }
    this.loss = SaeLoss.of(options, features, state);
    vectors.add(outputBias);
    vectors.addAll(loss.vectors());
    state.add("scales", scales);
    vectors.forEach(vector -> vector.addTo(state));
    features.addTo(state, "");
    if (skip != null) {
      skip.addTo(state);
    }
  }

  private float[][] directions(SplitMix64 random, int width, float norm) {
    float[][] directions = RandomDirections.of(random, options.features(), width);
    for (float[] direction : directions) {
      Vectors.scale(direction, norm);
    }
    return directions;
  }

  @Override
  public int columns() {
    return shape.columns();
  }

  @Override
  public TrainingState state() {
    return state;
  }

  SaeShape shape() {
    return shape;
  }

  SaeOptions options() {
    return options;
  }

  FeatureWeights features() {
    return features;
  }

  SaeLoss loss() {
    return loss;
  }

  @Nullable SkipTraining skip() {
    return skip;
  }

  /** Returns the bias of the outputs. */
  TrainedVector outputBias() {
    return outputBias;
  }

  float inputScale() {
    return scales[0][0];
  }

  float outputScale() {
    return scales[0][1];
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
      outputBias.values()[j] = means.mean(first + j, scales[0][1]);
    }
  }

  @Override
  public TrainingProgress step(float[][] rows) {
    float[][] x = scaled(rows, 0, shape.inputs(), inputScale());
    float[][] z = shape.transcoder() ? scaled(rows, shape.inputs(), columns(), outputScale()) : x;
    int step = state.beginStep();
    SaeStep taken = gradients(x, z, options.strength(step));
    descend(step, taken.gradients());
    if (resamples(step)) {
      new Resampling(features, loss.vectors(), new SplitMix64(options.seed() + step))
          .run(
              features.deadFeatures(options.deadAfter()),
              encoderInputs(x),
              left(x, z),
              outputBias.values(),
              taken.errors());
    }
    double l0 = taken.active().size() / (double) rows.length;
    return new TrainingProgress(step, Vectors.relativeSquares(taken.errors(), z), l0, dead());
  }

  private boolean resamples(int step) {
    int every = options.resample();
    return every > 0 && step % every == 0 && !schedule.isFalling(step);
  }

  /** Returns what features explain: outputs minus those of the skip connection, [batch][d_out]. */
  private float[][] left(float[][] x, float[][] z) {
    return skip == null ? z : skip.rest(x, z);
  }

  /**
   * Computes the gradients of all parameters.
   *
   * @param x scaled inputs, [batch][d_in]
   * @param z scaled outputs, [batch][d_out]
   * @param strength factor of penalties
   */
  SaeStep gradients(float[][] x, float[][] z, double strength) {
    SaeStep step = loss.step(encoderInputs(x), left(x, z), outputBias.values(), strength);
    outputBias.gradient(outputBiasGradient(step));
    if (skip != null) {
      skip.gradient(step.outputErrors(), x);
    }
    return step;
  }

  private void descend(int step, FeatureGradients gradients) {
    double squares = gradients.squares();
    for (TrainedVector vector : vectors) {
      squares += vector.squares();
    }
    squares += skip == null ? 0 : skip.squares();
    float factor = (float) Math.min(1, MAXIMUM_GRADIENT / (Math.sqrt(squares) + 1e-6));
    double rate = schedule.rate(step);
    features.descend(step, rate, gradients, factor);
    vectors.forEach(vector -> vector.descend(step, rate, factor));
    if (skip != null) {
      skip.descend(step, rate, factor);
    }
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
  private float[][] encoderInputs(float[][] x) {
    return shape.transcoder()
        ? x
        : Arrays.stream(x)
            .map(row -> Vectors.minus(row, outputBias.values()))
            .toArray(float[][]::new);
  }

  /** Returns the gradient of b_dec, from which the encoder of an autoencoder reads differences. */
  private float[] outputBiasGradient(SaeStep step) {
    float[][] errors = step.outputErrors();
    var sum = new float[shape.outputs()];
    for (float[] error : errors) {
      Vectors.add(sum, 2f / errors.length, error);
    }
    for (int f = 0; !shape.transcoder() && f < options.features(); f++) {
      Vectors.add(sum, -step.gradients().products()[f], features.encoder()[f]);
    }
    return sum;
  }

  @Override
  public void close() {
    features.close();
    if (skip != null) {
      skip.close();
    }
  }
}

package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The weights of features that read and write the same activations, in training by Adam. Gradients
 * are computed and applied feature by feature in parallel, so that there is no matrix of gradients,
 * and results do not depend on the number of threads. Not thread-safe.
 */
public final class FeatureWeights implements AutoCloseable {
  /** Weight of the auxiliary loss of dead features. */
  private static final float AUXILIARY = 1f / 32;

  private final float[][] encoder;
  private final float[][] decoder;
  private final float[][] bias;
  private final int width;
  private final boolean unit;
  private final MatrixProduct product;
  private final Adam encoderAdam;
  private final Adam decoderAdam;
  private final Adam biasAdam;

  /** Number of steps since each feature was active. */
  private final int[] idle;

  /** The {@link #norms()} of this step. */
  private final float[] norms;

  private FeatureWeights(
      Executor executor, float[][] encoder, float[][] decoder, int width, boolean unit, int batch) {
    this.encoder = encoder;
    this.decoder = decoder;
    this.width = width;
    this.unit = unit;
    this.bias = new float[1][encoder.length];
    this.idle = new int[encoder.length];
    this.norms = norms();
    this.encoderAdam = new Adam(encoder);
    this.decoderAdam = new Adam(decoder);
    this.biasAdam = new Adam(bias);
    this.product = new MatrixProduct(executor, encoder.length, encoder[0].length, batch);
  }

  /**
   * Returns features that write to one activation; steps keep the norms of their decoders at 1.
   *
   * @param encoder initial weights [F][d_in], which steps change
   * @param decoder initial weights [F][d_out], which steps change
   * @param batch maximum tokens per step
   */
  public static FeatureWeights withUnitDecoders(
      Executor executor, float[][] encoder, float[][] decoder, int batch) {
    return new FeatureWeights(executor, encoder, decoder, decoder[0].length, true, batch);
  }

  /**
   * Returns features that write to several activations; their values count times the sum of the
   * norms of their decoders.
   *
   * @param encoder initial weights [F][inputs · width], which steps change
   * @param decoder initial weights [F][outputs · width], which steps change
   * @param width of each activation
   * @param batch maximum tokens per step
   */
  public static FeatureWeights withFreeDecoders(
      Executor executor, float[][] encoder, float[][] decoder, int width, int batch) {
    return new FeatureWeights(executor, encoder, decoder, width, false, batch);
  }

  /** Returns the encoder, [F][d_in]. */
  public float[][] encoder() {
    return encoder;
  }

  /** Returns the decoder, [F][d_out]. */
  public float[][] decoder() {
    return decoder;
  }

  /** Returns the bias of the encoder, [1][F]. */
  public float[][] bias() {
    return bias;
  }

  /** Returns the number of features. */
  public int features() {
    return encoder.length;
  }

  /** Adds all that steps change to a state. */
  public void addTo(TrainingState state, String suffix) {
    state.add("encoder" + suffix, encoder, encoderAdam);
    state.add("decoder" + suffix, decoder, decoderAdam);
    state.add("bias" + suffix, bias, biasAdam);
    state.add("idle" + suffix, idle);
  }

  /**
   * Begins a step: returns the pre-activations, [batch][F].
   *
   * @param inputs scaled, [batch][d_in]
   */
  public float[][] preActivations(float[][] inputs) {
    System.arraycopy(norms(), 0, norms, 0, norms.length);
    product.weights(encoder);
    float[][] pre = product.of(inputs);
    Arrays.stream(pre).parallel().forEach(row -> Vectors.add(row, bias[0]));
    return pre;
  }

  /** Returns the sum of the norms of each feature's decoders, by the weights of now. */
  public float[] norms() {
    var sums = new float[decoder.length];
    for (int f = 0; f < sums.length; f++) {
      sums[f] = unit ? 1 : 0;
      for (int begin = 0; !unit && begin < decoder[f].length; begin += width) {
        sums[f] += norm(decoder[f], begin);
      }
    }
    return sums;
  }

  private float norm(float[] row, int begin) {
    double sum = 0;
    for (int j = begin; j < begin + width; j++) {
      sum += (double) row[j] * row[j];
    }
    return (float) Math.sqrt(sum);
  }

  /** Returns the sum of the norms of a feature's decoders at the begin of this step. */
  float norm(int feature) {
    return norms[feature];
  }

  /** Adds the gradient of a feature's {@link #norms}, times a factor, to that of its decoder. */
  void addNormGradient(int feature, float factor, float[] gradient) {
    float[] direction = decoder[feature];
    for (int begin = 0; !unit && factor > 0 && begin < direction.length; begin += width) {
      float norm = norm(direction, begin);
      for (int j = begin; norm > 0 && j < begin + width; j++) {
        gradient[j] += factor * direction[j] / norm;
      }
    }
  }

  /**
   * Returns the values times norms, by which thresholds select features.
   *
   * @param pre pre-activations of this step, [batch][F]
   */
  public float[][] strengths(float[][] pre) {
    if (unit) {
      return pre;
    }
    return Arrays.stream(pre)
        .parallel()
        .map(
            row -> {
              float[] strengths = row.clone();
              for (int f = 0; f < strengths.length; f++) {
                strengths[f] *= norms[f];
              }
              return strengths;
            })
        .toArray(float[][]::new);
  }

  /**
   * Returns the active features of this step: those with a positive value and a strength of at
   * least a threshold.
   *
   * @param pre pre-activations, [batch][F]
   */
  public ActiveFeatures active(float[][] pre, double threshold) {
    return counted(
        ActiveFeatures.of(
            pre,
            t ->
                IntStream.range(0, features())
                    .filter(f -> pre[t][f] > 0 && pre[t][f] * norms[f] >= threshold)
                    .toArray()));
  }

  /**
   * Returns the active features of this step: of each token, the k largest positive values.
   *
   * @param pre pre-activations, [batch][F]
   */
  public ActiveFeatures largest(float[][] pre, int k) {
    return counted(
        ActiveFeatures.of(pre, t -> ascending(Vectors.largest(pre[t], k, f -> pre[t][f] > 0))));
  }

  private static int[] ascending(int[] ids) {
    Arrays.sort(ids);
    return ids;
  }

  private ActiveFeatures counted(ActiveFeatures active) {
    for (int f = 0; f < idle.length; f++) {
      idle[f] = active.isActive(f) ? 0 : idle[f] + 1;
    }
    return active;
  }

  /** Returns the number of features that were not active for a number of steps. */
  public int dead(int deadAfter) {
    return (int) Arrays.stream(idle).filter(steps -> steps >= deadAfter).count();
  }

  /**
   * Computes the gradients of {@code mean(‖ŷ − y‖² + penalty Σ h w)} over the batch. Dead features
   * learn to explain what is left, with a small weight: of each token, those with the largest
   * pre-activations, of either sign (AuxK, Gao et al. 2024, arXiv 2406.04093).
   *
   * @param active the active features of this step
   * @param pre pre-activations, [batch][F]
   * @param inputs of the encoder, [batch][d_in]
   * @param errors of the outputs, ŷ − y, [batch][d_out]
   * @param deadAfter number of steps without activity after which a feature counts as dead
   */
  public FeatureGradients gradients(
      ActiveFeatures active,
      float[][] pre,
      float[][] inputs,
      float[][] errors,
      double penalty,
      int deadAfter) {
    int batch = inputs.length;
    List<FeatureGradients.Part> parts = new ArrayList<>();
    parts.add(
        new FeatureGradients.Part(active, errors, this, 2f / batch, (float) (penalty / batch)));
    int k = Math.min(dead(deadAfter), Math.max(1, width / 2));
    if (k > 0) {
      ActiveFeatures dead =
          ActiveFeatures.of(
              pre, t -> ascending(Vectors.largest(pre[t], k, f -> idle[f] >= deadAfter)));
      parts.add(
          new FeatureGradients.Part(dead, rest(dead, errors), this, 2 * AUXILIARY / batch, 0));
    }
    return new FeatureGradients(inputs, features(), parts);
  }

  /** Returns what features leave of errors. */
  private float[][] rest(ActiveFeatures features, float[][] errors) {
    float[][] rest = Vectors.copy(errors);
    IntStream.range(0, rest.length).parallel().forEach(t -> features.addTo(t, decoder, rest[t], 0));
    return rest;
  }

  /**
   * Runs a step of Adam for all features.
   *
   * @param step its number, from 1
   */
  public void descend(int step, double rate, FeatureGradients gradients) {
    IntStream.range(0, features())
        .parallel()
        .forEach(
            f -> {
              encoderAdam.step(step, rate, f, encoder[f], gradients.encoder(f));
              descendDecoder(step, rate, f, gradients.decoder(f));
            });
    biasAdam.step(step, rate, 0, bias[0], gradients.bias());
  }

  private void descendDecoder(int step, double rate, int feature, float[] gradient) {
    float[] direction = decoder[feature];
    if (unit) {
      Vectors.add(gradient, (float) -Vectors.dot(direction, gradient), direction);
    }
    decoderAdam.step(step, rate, feature, direction, gradient);
    if (unit) {
      Vectors.normalize(direction);
    }
  }

  @Override
  public void close() {
    product.close();
  }
}

package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * The weights of features that read and write the same activations, in training by Adam. Features
 * are updated in parallel, and results do not depend on the number of threads. Not thread-safe.
 */
public final class FeatureWeights implements AutoCloseable {
  private final float[][] encoder;
  private final float[][] decoder;
  private final float[][] bias;
  private final float[][] encoderGradient;
  private final float[][] decoderGradient;
  private final int width;
  private final MatrixProduct product;
  private final FeatureProducts sums;
  private final Adam encoderAdam;
  private final Adam decoderAdam;
  private final Adam biasAdam;

  /** Number of steps since each feature was active. */
  private final int[] idle;

  /** The {@link #norms()} of this step. */
  private final float[] norms;

  /**
   * Wraps the weights of features that write to one or several activations. Their values count
   * times the sum of the norms of their decoders.
   *
   * @param encoder initial weights [F][d_in], which steps change; they may be {@code decoder}, if
   *     all gradients are then those of the decoder
   * @param decoder initial weights [F][outputs · width], which steps change
   * @param width of each activation that is written
   * @param batch maximum tokens per step
   */
  public FeatureWeights(
      Executor executor, float[][] encoder, float[][] decoder, int width, int batch) {
    this.encoder = encoder;
    this.decoder = decoder;
    this.encoderGradient = new float[encoder.length][encoder[0].length];
    this.decoderGradient = new float[decoder.length][decoder[0].length];
    this.width = width;
    this.bias = new float[1][encoder.length];
    this.idle = new int[encoder.length];
    this.norms = norms();
    this.encoderAdam = new Adam(encoder);
    this.decoderAdam = new Adam(decoder);
    this.biasAdam = new Adam(bias);
    this.sums = new FeatureProducts(executor, encoder.length, batch);
    this.product = new MatrixProduct(executor, encoder.length, encoder[0].length, batch);
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

  /** Returns the memory of the encoder's gradient, [F][d_in]. */
  float[][] encoderGradient() {
    return encoderGradient;
  }

  /** Returns the memory of the decoder's gradient, [F][d_out]. */
  float[][] decoderGradient() {
    return decoderGradient;
  }

  /** Returns the sums over active features and over their tokens. */
  FeatureProducts sums() {
    return sums;
  }

  /** Adds all that steps change to a state. */
  public void addTo(TrainingState state, String suffix) {
    state.add("encoder" + suffix, encoder, encoderAdam);
    state.add("decoder" + suffix, decoder, decoderAdam);
    state.add("bias" + suffix, bias, biasAdam);
    state.add("idle" + suffix, idle);
  }

  /**
   * Begins a step: returns the products of inputs and encoder, [batch][F].
   *
   * @param inputs scaled, [batch][d_in]
   */
  public float[][] products(float[][] inputs) {
    beginStep();
    return furtherProducts(inputs);
  }

  /** Begins a step before its inputs are known. */
  public void beginStep() {
    System.arraycopy(norms(), 0, norms, 0, norms.length);
    product.weights(encoder);
  }

  /**
   * Returns the products of inputs and encoder in this step, [n][F].
   *
   * @param inputs scaled, [n][d_in]; at most as many as a batch has
   */
  public float[][] furtherProducts(float[][] inputs) {
    return product.of(inputs);
  }

  /**
   * Begins a step: returns the pre-activations, products plus bias, [batch][F].
   *
   * @param inputs scaled, [batch][d_in]
   */
  public float[][] preActivations(float[][] inputs) {
    float[][] pre = products(inputs);
    Arrays.stream(pre).parallel().forEach(row -> Vectors.add(row, bias[0]));
    return pre;
  }

  /** Returns the sum of the norms of each feature's decoders, by the weights of now. */
  public float[] norms() {
    var sums = new float[decoder.length];
    for (int f = 0; f < sums.length; f++) {
      for (int begin = 0; begin < decoder[f].length; begin += width) {
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
  public float norm(int feature) {
    return norms[feature];
  }

  /** Adds the gradient of a feature's {@link #norms}, times a factor, to that of its decoder. */
  void addNormGradient(int feature, float factor, float[] gradient) {
    float[] direction = decoder[feature];
    for (int begin = 0; factor != 0 && begin < direction.length; begin += width) {
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
    return counted(ActiveFeatures.of(pre, (t, ids) -> active(pre[t], threshold, ids)));
  }

  private int active(float[] pre, double threshold, int[] selected) {
    int n = 0;
    for (int f = 0; f < pre.length; f++) {
      selected[n] = f;
      float strength = pre[f] > 0 ? pre[f] * norms[f] : Float.NaN;
      n += strength >= threshold ? 1 : 0;
    }
    return n;
  }

  /**
   * Returns the active features of this step: of each token, those of the k largest strengths, if
   * they are positive.
   *
   * @param pre pre-activations, [batch][F]
   * @param strengths of these, [batch][F]
   */
  public ActiveFeatures largest(float[][] pre, float[][] strengths, int k) {
    return counted(
        ActiveFeatures.of(
            pre, t -> ascending(Vectors.largest(strengths[t], k, f -> strengths[t][f] > 0))));
  }

  /** Takes features as the active ones of this step, and returns them. */
  public ActiveFeatures counted(ActiveFeatures active) {
    for (int f = 0; f < idle.length; f++) {
      idle[f] = active.isActive(f) ? 0 : idle[f] + 1;
    }
    return active;
  }

  /** Returns the features that were not active for a number of steps, ascending. */
  public int[] deadFeatures(int deadAfter) {
    return IntStream.range(0, idle.length).filter(f -> idle[f] >= deadAfter).toArray();
  }

  /** Returns the number of features that were not active for a number of steps. */
  public int dead(int deadAfter) {
    return deadFeatures(deadAfter).length;
  }

  /**
   * Gives a feature other weights, and takes it as active in this step. Its bias and all moments
   * become zero.
   *
   * @param encoderRow [d_in], copied
   * @param decoderRow [d_out], copied
   */
  public void restart(int f, float[] encoderRow, float[] decoderRow) {
    System.arraycopy(encoderRow, 0, encoder[f], 0, encoderRow.length);
    System.arraycopy(decoderRow, 0, decoder[f], 0, decoderRow.length);
    bias[0][f] = 0;
    idle[f] = 0;
    encoderAdam.reset(f);
    decoderAdam.reset(f);
    biasAdam.reset(0, f);
  }

  /**
   * Returns ŷ − y.
   *
   * @param outputBias [d_out]
   * @param outputs y, [batch][d_out]
   */
  public float[][] errors(ActiveFeatures active, float[] outputBias, float[][] outputs) {
    var errors = new float[outputs.length][];
    Arrays.setAll(errors, b -> Vectors.minus(outputBias, outputs[b]));
    sums.addOutputs(active, decoder, errors);
    return errors;
  }

  /**
   * Returns the gradient of the auxiliary loss of dead features, {@code weight · mean(‖h W_dec −
   * rest‖²)}, where the rest is what the others leave. Of each token, dead features with the
   * largest ranks take part, with values of either sign (AuxK, Gao et al. 2024, arXiv 2406.04093).
   *
   * @param dead the dead features, one or more
   * @param ranks [batch][F]
   * @param pre pre-activations, [batch][F]
   * @param errors of the others, ŷ − y, [batch][d_out]
   */
  public FeatureGradients.Part auxiliary(
      int[] dead, float[][] ranks, float[][] pre, float[][] errors, double weight) {
    var isDead = new boolean[features()];
    for (int f : dead) {
      isDead[f] = true;
    }
    IntPredicate allowed = f -> isDead[f];
    int k = Math.min(dead.length, auxiliaryCount());
    ActiveFeatures largest =
        ActiveFeatures.of(pre, t -> ascending(Vectors.largest(ranks[t], k, allowed)));
    float[][] rest = Vectors.copy(errors);
    sums.addOutputs(largest, decoder, rest);
    float factor = (float) (2 * weight / pre.length);
    return FeatureGradients.Part.ofErrors(this, largest, TokenRows.common(rest), factor);
  }

  /** Returns the number of dead features of a token that the auxiliary loss has at most. */
  public int auxiliaryCount() {
    return Math.max(1, width / 2);
  }

  private static int[] ascending(int[] ids) {
    Arrays.sort(ids);
    return ids;
  }

  /**
   * Runs a step of Adam for all features.
   *
   * @param step its number, from 1
   * @param factor of the gradients
   */
  public void descend(int step, double rate, FeatureGradients gradients, float factor) {
    gradients.scale(factor);
    IntStream.range(0, features())
        .parallel()
        .forEach(
            f -> {
              encoderAdam.step(step, rate, f, encoder[f], gradients.encoder(f));
              decoderAdam.step(step, rate, f, decoder[f], gradients.decoder(f));
            });
    biasAdam.step(step, rate, 0, bias[0], gradients.bias());
  }

  @Override
  public void close() {
    sums.close();
    product.close();
  }
}

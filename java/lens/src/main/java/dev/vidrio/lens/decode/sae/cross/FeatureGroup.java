package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.ActiveTokens;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.RandomDirections;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The weights of features that read and write the same activations, in training. Gradients are
 * computed and applied feature by feature, so that there is no matrix of gradients. Not
 * thread-safe.
 */
final class FeatureGroup implements AutoCloseable {
  /** Weight of the auxiliary loss of dead features. */
  private static final float AUXILIARY = 1f / 32;

  private final int width;
  private final int readFrom;
  private final int readTo;
  private final int writeFrom;
  private final int writeTo;
  private final MatrixProduct product;

  /** [F][inputs · width]. */
  final float[][] encoder;

  /** [F][outputs · width]. */
  final float[][] decoder;

  /** [1][F]. */
  final float[][] bias;

  /** Number of steps since each feature was active. */
  final int[] idle;

  final Adam encoderAdam;
  final Adam decoderAdam;
  final Adam biasAdam;

  /** The {@link #norms()} of this step. */
  private final float[] norms;

  FeatureGroup(
      Executor executor, CrossLayout layout, int group, CrossOptions options, SplitMix64 random) {
    CrossLayout.Group range = layout.groups().get(group);
    this.width = layout.width();
    this.readFrom = range.readFrom() * width;
    this.readTo = range.readTo() * width;
    this.writeFrom = range.writeFrom() * width;
    this.writeTo = range.writeTo() * width;
    int features = options.features();
    this.decoder = RandomDirections.of(random, features, writeTo - writeFrom);
    this.encoder =
        layout.reconstructs()
            ? Vectors.copy(decoder)
            : RandomDirections.of(random, features, readTo - readFrom);
    this.bias = new float[1][features];
    this.idle = new int[features];
    this.norms = new float[features];
    this.encoderAdam = new Adam(encoder);
    this.decoderAdam = new Adam(decoder);
    this.biasAdam = new Adam(bias);
    this.product = new MatrixProduct(executor, features, readTo - readFrom, options.batch());
  }

  int features() {
    return idle.length;
  }

  /** Begins a step: returns the pre-activations of scaled inputs, [batch][F]. */
  float[][] preActivations(float[][] x) {
    System.arraycopy(norms(), 0, norms, 0, norms.length);
    product.weights(encoder);
    float[][] pre = product.of(columns(x, readFrom, readTo));
    for (float[] row : pre) {
      Vectors.add(row, bias[0]);
    }
    return pre;
  }

  /** Returns the sum of the norms of each feature's decoders, by the weights of now. */
  float[] norms() {
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
  float norm(int feature) {
    return norms[feature];
  }

  private static float[][] columns(float[][] rows, int from, int to) {
    return Arrays.stream(rows)
        .map(row -> Arrays.copyOfRange(row, from, to))
        .toArray(float[][]::new);
  }

  /** Adds what the features of a token write to its outputs. */
  void addOutputs(Features features, float[] outputs) {
    for (int i = 0; i < features.count(); i++) {
      float[] direction = decoder[features.id(i)];
      for (int j = 0; j < direction.length; j++) {
        outputs[writeFrom + j] += features.value(i) * direction[j];
      }
    }
  }

  /** Returns the active features; those whose value times norm is below a threshold are not. */
  Features[] active(float[][] pre, double threshold) {
    Features[] active =
        Arrays.stream(pre)
            .parallel()
            .map(
                row -> {
                  float[] kept = row.clone();
                  for (int f = 0; f < kept.length; f++) {
                    kept[f] = kept[f] > 0 && kept[f] * norms[f] >= threshold ? kept[f] : 0;
                  }
                  return Features.of(kept);
                })
            .toArray(Features[]::new);
    for (int f = 0; f < idle.length; f++) {
      idle[f]++;
    }
    for (Features row : active) {
      for (int i = 0; i < row.count(); i++) {
        idle[row.id(i)] = 0;
      }
    }
    return active;
  }

  /** Returns the number of features that were not active for a number of steps. */
  int dead(int deadAfter) {
    return (int) Arrays.stream(idle).filter(steps -> steps >= deadAfter).count();
  }

  /** Returns, per token, the dead features with the largest pre-activations, of either sign. */
  private Features[] strongestDead(float[][] pre, int deadAfter) {
    int k = Math.min(dead(deadAfter), Math.max(1, width / 2));
    return Arrays.stream(pre)
        .parallel()
        .map(
            row -> {
              var kept = new float[row.length];
              if (k > 0) {
                for (int f : Vectors.largest(row, k, f -> idle[f] >= deadAfter)) {
                  kept[f] = row[f];
                }
              }
              return Features.of(kept);
            })
        .toArray(Features[]::new);
  }

  /**
   * Runs a step of Adam for all features. Dead ones learn to explain what is left, with a small
   * weight (AuxK, Gao et al. 2024, arXiv 2406.04093).
   *
   * @param step its number, from 1
   * @param x scaled inputs of all groups, [batch][inputs · width]
   * @param errors of the outputs of all groups, ŷ − y, [batch][outputs · width]
   * @param pre pre-activations, [batch][F]
   */
  void descend(
      int step,
      CrossOptions options,
      float[][] x,
      float[][] errors,
      float[][] pre,
      Features[] active) {
    float[][] inputs = columns(x, readFrom, readTo);
    float[][] left = columns(errors, writeFrom, writeTo);
    Features[] dead = strongestDead(pre, options.deadAfter());
    float[][] auxiliary = Vectors.copy(left);
    for (int b = 0; b < auxiliary.length; b++) {
      for (int i = 0; i < dead[b].count(); i++) {
        Vectors.add(auxiliary[b], dead[b].value(i), decoder[dead[b].id(i)]);
      }
    }
    var tokens = new ActiveTokens(features(), Arrays.asList(active), 0);
    var deadTokens = new ActiveTokens(features(), Arrays.asList(dead), 0);
    var biasGradient = new float[features()];
    double rate = options.rate(step);
    IntStream.range(0, features())
        .parallel()
        .forEach(
            f -> {
              var gradient = new Gradient(f, inputs);
              gradient.add(tokens, left, 2f / x.length, (float) (options.penalty() / x.length));
              gradient.add(deadTokens, auxiliary, 2 * AUXILIARY / x.length, 0);
              biasGradient[f] = gradient.bias;
              encoderAdam.step(step, rate, f, encoder[f], gradient.encoder);
              decoderAdam.step(step, rate, f, decoder[f], gradient.decoder);
            });
    biasAdam.step(step, rate, 0, bias[0], biasGradient);
  }

  /** The gradient of a feature's weights. */
  private final class Gradient {
    final int feature;
    final float[][] inputs;
    final float[] encoder;
    final float[] decoder;
    float bias;

    Gradient(int feature, float[][] inputs) {
      this.feature = feature;
      this.inputs = inputs;
      this.encoder = new float[readTo - readFrom];
      this.decoder = new float[writeTo - writeFrom];
    }

    /**
     * Adds the gradient of {@code factor / 2 · Σ ‖errors‖² + slope · Σ h w} over the tokens at
     * which the feature is active.
     */
    void add(ActiveTokens tokens, float[][] errors, float factor, float slope) {
      float[] direction = FeatureGroup.this.decoder[feature];
      float sum = 0;
      for (int i = tokens.begin(feature); i < tokens.begin(feature + 1); i++) {
        int b = tokens.position(i);
        float value = tokens.value(i);
        float dh = factor * (float) Vectors.dot(errors[b], direction) + slope * norms[feature];
        Vectors.add(decoder, factor * value, errors[b]);
        Vectors.add(encoder, dh, inputs[b]);
        bias += dh;
        sum += value;
      }
      for (int begin = 0; slope * sum > 0 && begin < direction.length; begin += width) {
        float norm = norm(direction, begin);
        for (int j = begin; norm > 0 && j < begin + width; j++) {
          decoder[j] += slope * sum * direction[j] / norm;
        }
      }
    }
  }

  @Override
  public void close() {
    product.close();
  }
}

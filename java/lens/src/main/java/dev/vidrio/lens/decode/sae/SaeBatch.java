package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** A training step: the activations of some tokens, forward and backward. */
final class SaeBatch {
  private final float[][] z;
  private final boolean transcoder;
  private final float[][] encoder;
  private final float[][] decoder;
  private final float[] decoderBias;

  /** The input of the encoder: x − b_dec of an autoencoder, x of a transcoder. */
  private final float[][] centered;

  /** ẑ − z. */
  private float[][] errors;

  /**
   * Creates a batch with the weights of the step.
   *
   * @param x inputs [batch][d_in]
   * @param z outputs [batch][d_out], without those of a skip connection; of an autoencoder, x
   *     itself
   * @param transcoder whether they differ, and the encoder reads x itself
   * @param encoder [d_sae][d_in]
   * @param decoder [d_sae][d_out]
   * @param decoderBias [d_out]
   */
  SaeBatch(
      float[][] x,
      float[][] z,
      boolean transcoder,
      float[][] encoder,
      float[][] decoder,
      float[] decoderBias) {
    this.z = z;
    this.transcoder = transcoder;
    this.encoder = encoder;
    this.decoder = decoder;
    this.decoderBias = decoderBias;
    this.centered =
        transcoder
            ? x
            : Arrays.stream(x).map(row -> Vectors.minus(row, decoderBias)).toArray(float[][]::new);
    this.errors = new float[0][];
  }

  float[][] centered() {
    return centered;
  }

  /** Returns the k features with the largest values among the allowed ones. */
  static Features greatest(float[] values, int k, IntPredicate allowed) {
    var kept = new float[values.length];
    if (k == 0 || k >= values.length) {
      for (int f = 0; f < kept.length; f++) {
        kept[f] = k > 0 && allowed.test(f) ? values[f] : 0;
      }
      return Features.of(kept);
    }
    for (int f : Vectors.largest(values, k, allowed)) {
      kept[f] = values[f];
    }
    return Features.of(kept);
  }

  /** Computes ẑ − z. */
  void reconstruct(Features[] active) {
    errors = new float[z.length][];
    IntStream.range(0, z.length)
        .parallel()
        .forEach(
            b -> {
              errors[b] = Vectors.minus(decoderBias, z[b]);
              addDirections(active[b], errors[b]);
            });
  }

  private void addDirections(Features features, float[] sum) {
    for (int i = 0; i < features.count(); i++) {
      Vectors.add(sum, features.value(i), decoder[features.id(i)]);
    }
  }

  /** Returns ẑ − z, [batch][d_out]. */
  float[][] errors() {
    return errors;
  }

  /**
   * Returns the mean of ‖z − ẑ‖² over that of the squared norms of outputs.
   *
   * @param outputs [batch][d_out]; with a skip connection, z is a part of them
   */
  double loss(float[][] outputs) {
    double error = 0;
    double squares = 0;
    for (int b = 0; b < z.length; b++) {
      error += Vectors.dot(errors[b], errors[b]);
      squares += Vectors.dot(outputs[b], outputs[b]);
    }
    return error / squares;
  }

  /** Adds the gradient of {@code mean(‖z − ẑ‖² + penalty ‖h‖₁)} over the batch. */
  void backward(Features[] active, double penalty, SaeGradients gradients) {
    float factor = 2f / z.length;
    float slope = (float) (penalty / z.length);
    for (int b = 0; b < z.length; b++) {
      Vectors.add(gradients.decoderBias, factor, errors[b]);
      backward(b, active[b], errors[b], factor, slope, gradients);
    }
  }

  /**
   * Lets other features explain the residual: adds the gradient of {@code weight · mean(‖h W_dec −
   * (z − ẑ)‖²)}, with z − ẑ as a constant.
   */
  void backwardOfRest(Features[] others, float weight, SaeGradients gradients) {
    float factor = 2 * weight / z.length;
    for (int b = 0; b < z.length; b++) {
      if (others[b].count() > 0) {
        float[] residual = errors[b].clone();
        addDirections(others[b], residual);
        backward(b, others[b], residual, factor, 0, gradients);
      }
    }
  }

  private void backward(
      int b, Features row, float[] residual, float factor, float slope, SaeGradients gradients) {
    for (int i = 0; i < row.count(); i++) {
      int f = row.id(i);
      Vectors.add(gradients.decoder[f], factor * row.value(i), residual);
      float dh = factor * (float) Vectors.dot(residual, decoder[f]) + slope;
      gradients.encoderBias[f] += dh;
      Vectors.add(gradients.encoder[f], dh, centered[b]);
      if (!transcoder) {
        Vectors.add(gradients.decoderBias, -dh, encoder[f]);
      }
    }
  }
}

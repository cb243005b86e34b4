package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.resolve.Preconditions;
import org.jspecify.annotations.Nullable;

/**
 * The normalization of an input, {@code (x − mean) / divisor}, and of the output, {@code factor · y
 * + mean}.
 */
record InputScale(float mean, float divisor, float factor) {
  private static final float LAYER_NORM_EPSILON = 1e-5f;

  /**
   * Returns the scale of an input.
   *
   * @throws dev.vidrio.error.InvalidInputException if it does not have {@code width} elements
   */
  static InputScale of(SaeConfig.Normalization normalization, float[] x, int width) {
    Preconditions.require(
        x.length == width, "activation", x.length + " elements", "the autoencoder takes " + width);
    double sum = 0;
    double squares = 0;
    for (float value : x) {
      sum += value;
    }
    double mean = normalization == SaeConfig.Normalization.LAYER_NORM ? sum / x.length : 0;
    for (float value : x) {
      squares += (value - mean) * (value - mean);
    }
    return switch (normalization) {
      case NONE -> new InputScale(0, 1, 1);
      case LAYER_NORM -> {
        float deviation = (float) Math.sqrt(squares / (x.length - 1));
        yield new InputScale((float) mean, deviation + LAYER_NORM_EPSILON, deviation);
      }
      case CONSTANT_NORM_RESCALE -> {
        float divisor = (float) Math.sqrt(squares / x.length);
        yield new InputScale(0, divisor, divisor);
      }
    };
  }

  /**
   * Returns a normalized input.
   *
   * @param bias what is subtracted afterwards, or null
   */
  float[] normalized(float[] x, float @Nullable [] bias) {
    var normalized = new float[x.length];
    for (int j = 0; j < x.length; j++) {
      normalized[j] = (x[j] - mean) / divisor;
      normalized[j] -= bias == null ? 0 : bias[j];
    }
    return normalized;
  }

  /** Reverts the normalization of an output. */
  void revert(float[] y) {
    for (int j = 0; j < y.length; j++) {
      y[j] = y[j] * factor + mean;
    }
  }
}

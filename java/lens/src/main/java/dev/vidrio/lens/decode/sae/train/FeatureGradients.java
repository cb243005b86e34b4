package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.lens.vector.Vectors;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The gradients of a step with respect to features, from which those of the weights of each feature
 * follow.
 */
public final class FeatureGradients {
  private final float[][] inputs;
  private final List<Part> parts;
  private final float[] bias;

  /**
   * Adds parts of the gradient.
   *
   * @param inputs of the encoder, [batch][d_in]
   * @param features number of features
   */
  FeatureGradients(float[][] inputs, int features, List<Part> parts) {
    this.inputs = inputs;
    this.parts = parts;
    this.bias = new float[features];
    for (int f = 0; f < features; f++) {
      for (Part part : parts) {
        bias[f] = part.addBias(f, bias[f]);
      }
    }
  }

  /** Returns the gradient of the encoder's bias, [F]. */
  public float[] bias() {
    return bias;
  }

  /** Returns the gradient of the encoder of a feature, [d_in]. */
  public float[] encoder(int feature) {
    var sum = new float[inputs[0].length];
    parts.forEach(part -> part.addEncoder(feature, inputs, sum));
    return sum;
  }

  /** Returns the gradient of the decoder of a feature, [d_out]. */
  public float[] decoder(int feature) {
    var sum = new float[parts.getFirst().errors[0].length];
    parts.forEach(part -> part.addDecoder(feature, sum));
    return sum;
  }

  /**
   * The gradient of {@code factor / 2 · Σ ‖errors‖² + slope · Σ h w} over tokens, where h are the
   * features that are active at these, and w their norms.
   */
  static final class Part {
    private final ActiveFeatures active;
    private final float[][] errors;
    private final FeatureWeights weights;
    private final float factor;
    private final float slope;

    /** The gradient of each value, in the order of features. */
    private final float[] slopes;

    /**
     * Computes the gradient of each value.
     *
     * @param errors of the outputs, ŷ − y, [batch][d_out]
     */
    Part(
        ActiveFeatures active,
        float[][] errors,
        FeatureWeights weights,
        float factor,
        float slope) {
      this.active = active;
      this.errors = errors;
      this.weights = weights;
      this.factor = factor;
      this.slope = slope;
      this.slopes = new float[active.size()];
      IntStream.range(0, weights.features()).parallel().forEach(this::computeSlopes);
    }

    private void computeSlopes(int feature) {
      float[] direction = weights.decoder()[feature];
      float ofNorm = slope * weights.norm(feature);
      for (int i = active.begin(feature); i < active.begin(feature + 1); i++) {
        float along = (float) Vectors.dot(errors[active.token(i)], direction);
        slopes[i] = factor * along + ofNorm;
      }
    }

    float addBias(int feature, float begin) {
      float sum = begin;
      for (int i = active.begin(feature); i < active.begin(feature + 1); i++) {
        sum += slopes[i];
      }
      return sum;
    }

    void addEncoder(int feature, float[][] inputs, float[] sum) {
      for (int i = active.begin(feature); i < active.begin(feature + 1); i++) {
        Vectors.add(sum, slopes[i], inputs[active.token(i)]);
      }
    }

    void addDecoder(int feature, float[] sum) {
      float values = 0;
      for (int i = active.begin(feature); i < active.begin(feature + 1); i++) {
        Vectors.add(sum, factor * active.value(i), errors[active.token(i)]);
        values += active.value(i);
      }
      weights.addNormGradient(feature, slope * values, sum);
    }
  }
}

package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of a step with respect to the weights of features. Their memory is that of the
 * weights, so that they are valid until the gradients of the next step are computed.
 */
public final class FeatureGradients {
  private final float[][] encoder;
  private final float[][] decoder;
  private final float[] products;
  private final float[] bias;

  /**
   * Adds parts of the gradient, feature by feature in parallel.
   *
   * @param inputs of the encoder, [batch][d_in]
   */
  public FeatureGradients(FeatureWeights weights, float[][] inputs, List<Part> parts) {
    int features = weights.features();
    this.encoder = weights.encoderGradient();
    this.decoder = weights.decoderGradient();
    clear(encoder);
    clear(decoder);
    this.products = new float[features];
    this.bias = new float[features];
    FeatureProducts sums = weights.sums();
    for (Part part : parts) {
      sums.addRows(part.active, part.slopes, TokenRows.common(inputs), encoder);
      if (part.errors != null) {
        sums.addRows(part.active, part.active.values(part.factor), part.errors, decoder);
      }
      IntStream.range(0, features).parallel().forEach(f -> addSums(part, f, weights));
    }
  }

  private static void clear(float[][] rows) {
    Arrays.stream(rows).parallel().forEach(row -> Arrays.fill(row, 0));
  }

  private void addSums(Part part, int f, FeatureWeights weights) {
    ActiveFeatures active = part.active;
    float sum = 0;
    for (int i = active.begin(f); i < active.begin(f + 1); i++) {
      sum += part.slopes[i];
    }
    products[f] += sum;
    bias[f] += part.biased ? sum : 0;
    if (part.normSlopes != null) {
      weights.addNormGradient(f, part.normSlopes[f], decoder[f]);
    }
  }

  /** Returns the gradient of the encoder of a feature, [d_in]. */
  public float[] encoder(int feature) {
    return encoder[feature];
  }

  /** Returns the gradient of the decoder of a feature, [d_out]. */
  public float[] decoder(int feature) {
    return decoder[feature];
  }

  /** Returns the gradient of the encoder's bias, [F]. */
  public float[] bias() {
    return bias;
  }

  /**
   * Returns the gradient of the products of inputs and encoder, added up over tokens, [F]. That of
   * the inputs follows from it.
   */
  public float[] products() {
    return products;
  }

  /** Returns the sum of the squares of the gradients of weights. */
  public double squares() {
    double[] ofFeatures =
        IntStream.range(0, bias.length)
            .parallel()
            .mapToDouble(
                f -> Vectors.dot(encoder[f], encoder[f]) + Vectors.dot(decoder[f], decoder[f]))
            .toArray();
    double sum = Vectors.dot(bias, bias);
    for (double squares : ofFeatures) {
      sum += squares;
    }
    return sum;
  }

  /** Multiplies the gradients of weights by a factor. */
  void scale(float factor) {
    if (factor == 1) {
      return;
    }
    IntStream.range(0, bias.length)
        .parallel()
        .forEach(
            f -> {
              Vectors.scale(encoder[f], factor);
              Vectors.scale(decoder[f], factor);
            });
    Vectors.scale(bias, factor);
  }

  /**
   * A part of the gradient: that of a loss through some features at some tokens.
   *
   * <p>The gradient of the encoder follows from slopes, one for each of the features and tokens;
   * that of the decoder from errors of outputs, {@code factor / 2 · Σ ‖errors‖²}, and from slopes
   * of the norms of decoders.
   */
  public static final class Part {
    private final ActiveFeatures active;
    private final @Nullable TokenRows errors;
    private final float factor;
    private final float[] slopes;
    private final float @Nullable [] normSlopes;
    private final boolean biased;

    /**
     * Describes a part.
     *
     * @param active features with their values
     * @param errors that a feature contributes to, [batch][d_out]; null if values do not matter
     * @param factor of errors
     * @param slopes gradients of products of inputs and encoder, in the order of features
     * @param normSlopes gradients of the norms of decoders, [F]; null if they are 0
     * @param biased whether the gradient of the encoder's bias is that of the products, or else 0
     */
    public Part(
        ActiveFeatures active,
        @Nullable TokenRows errors,
        float factor,
        float[] slopes,
        float @Nullable [] normSlopes,
        boolean biased) {
      this.active = active;
      this.errors = errors;
      this.factor = factor;
      this.slopes = slopes;
      this.normSlopes = normSlopes;
      this.biased = biased;
    }

    /**
     * Returns a part without errors.
     *
     * @param active features; their values do not matter
     * @param slopes gradients of products of inputs and encoder, in the order of features
     * @param normSlopes gradients of the norms of decoders, [F]; null if they are 0
     */
    public static Part ofSlopes(
        ActiveFeatures active, float[] slopes, float @Nullable [] normSlopes) {
      return new Part(active, null, 0, slopes, normSlopes, true);
    }

    /** Returns the part of {@code factor / 2 · Σ ‖errors‖²}, where values are pre-activations. */
    public static Part ofErrors(
        FeatureWeights weights, ActiveFeatures active, TokenRows errors, float factor) {
      return new Part(
          active, errors, factor, valueSlopes(weights, active, errors, factor), null, true);
    }

    /**
     * Returns the part of {@code factor / 2 · Σ ‖errors‖² + penalty · Σ h w}, where h are values
     * that are pre-activations, and w the norms of their decoders.
     */
    public static Part ofPenalty(
        FeatureWeights weights,
        ActiveFeatures active,
        TokenRows errors,
        float factor,
        float penalty) {
      float[] slopes = valueSlopes(weights, active, errors, factor);
      var normSlopes = new float[weights.features()];
      active.forEach(
          (f, i) -> {
            slopes[i] += penalty * weights.norm(f);
            normSlopes[f] += active.value(i);
          });
      Vectors.scale(normSlopes, penalty);
      return new Part(active, errors, factor, slopes, normSlopes, true);
    }

    /** Returns the gradients of values, {@code factor · ⟨errors, W_dec⟩}, in their order. */
    public static float[] valueSlopes(
        FeatureWeights weights, ActiveFeatures active, TokenRows errors, float factor) {
      return valueSlopes(weights, List.of(active), errors, factor).getFirst();
    }

    /** Returns the gradients of the values of several selections of features. */
    public static List<float[]> valueSlopes(
        FeatureWeights weights, List<ActiveFeatures> selections, TokenRows errors, float factor) {
      List<float[]> slopes = weights.sums().slopes(selections, weights.decoder(), errors);
      slopes.forEach(each -> Vectors.scale(each, factor));
      return slopes;
    }
  }
}

package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A sparse autoencoder (Cunningham et al. 2023, arXiv 2309.08600; Bricken et al. 2023): which
 * interpretable directions is an activation composed of? It writes an activation z [d_in] as a sum
 * of few out of many directions, {@code h = σ(z W_enc + b_enc)} [d_sae], {@code ẑ = h W_dec +
 * b_dec} [d_out]; or, as a transcoder (Dunefsky et al. 2024, arXiv 2406.11944), it maps the input
 * of a feed-forward block to its output in this form. Files are those of SAELens.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="sae"}
 *
 * <p>Not thread-safe.
 *
 * @see SaeTraining
 * @see SaeSplice
 * @see "docs/lens/decoding.md"
 */
public final class SparseAutoencoder implements Autoencoder {
  /** Rows that are encoded at once. */
  private static final int ROWS = 64;

  /** Maximum bytes of their pre-activations. */
  private static final long BYTES = 64L << 20;

  private final SaeConfig config;
  private final SaeWeights weights;
  private final int step;
  private final MatrixProduct encoder;
  private final float @Nullable [] decoderNorms;

  SparseAutoencoder(Executor executor, SaeConfig config, SaeWeights weights) {
    this.config = config;
    this.weights = weights;
    boolean rescales = config.rescaled() && config.activation().hasCount();
    this.decoderNorms = rescales ? weights.decoderNorms() : null;
    this.step = Math.clamp(BYTES / (4L * config.dSae()), 1, ROWS);
    this.encoder = MatrixProduct.of(executor, weights.encoder, step);
  }

  /**
   * Reads a directory with {@code cfg.json} and {@code sae_weights.safetensors}.
   *
   * @throws dev.vidrio.error.ModelFileException if a file is missing, damaged or inconsistent
   * @throws dev.vidrio.error.UnsupportedModelException if the kind of autoencoder is not supported
   */
  public static SparseAutoencoder load(Executor executor, Path directory) {
    SaeConfig config = SaeConfigReader.read(directory.resolve(SaeLensConfig.FILE));
    SaeWeights weights = SaeWeights.read(directory, config);
    boolean folds = config.rescaled() && config.activation() == SaeConfig.Activation.JUMPRELU;
    return new SparseAutoencoder(executor, config, folds ? weights.withUnitDecoder() : weights);
  }

  /**
   * Writes such a directory, which is created if missing. On failure, existing files are unchanged
   * and no directory is created.
   *
   * @param model the name of the model of the activations
   * @throws IOException if the files cannot be written
   */
  public void save(Path directory, String model) throws IOException {
    weights.write(directory, config, model);
  }

  /** Returns the configuration. */
  public SaeConfig config() {
    return config;
  }

  @Override
  public List<String> hooksIn() {
    return List.of(config.hookIn());
  }

  @Override
  public List<String> hooksOut() {
    return List.of(config.hookOut());
  }

  @Override
  public int features() {
    return config.dSae();
  }

  @Override
  public boolean isSigned() {
    return config.activation() == SaeConfig.Activation.ABSTOPK;
  }

  /** Returns the output direction of a feature, [d_out]. */
  @Override
  public float[] direction(int feature) {
    return weights.decoder[requireFeature(feature)].clone();
  }

  /**
   * Checks that a feature exists, and returns it.
   *
   * @throws InvalidInputException if it does not exist
   */
  public int requireFeature(int feature) {
    Preconditions.requireRange("feature", feature, 0, config.dSae() - 1);
    return feature;
  }

  /** Returns the active features of an activation [d_in]. */
  public Features encode(float[] x) {
    return encode(new float[][] {x}).getFirst();
  }

  /** Returns the active features of each of some activations [d_in]. */
  @Override
  public List<Features> encode(float[][] rows) {
    List<Features> features = new ArrayList<>();
    for (int begin = 0; begin < rows.length; begin += step) {
      float[][] inputs =
          Arrays.stream(rows, begin, Math.min(rows.length, begin + step))
              .map(this::input)
              .toArray(float[][]::new);
      MatchingPursuit pursuit = config.pursuit();
      features.addAll(
          pursuit == null
              ? Arrays.stream(encoder.of(inputs)).parallel().map(this::activate).toList()
              : pursuit.run(inputs, weights.decoder, encoder::of).stream().map(this::sum).toList());
    }
    return features;
  }

  @Override
  public Reconstruction reconstruct(float[][] rows) {
    List<Features> features = encode(rows);
    List<float[]> outputs = new ArrayList<>();
    for (float[] row : rows) {
      outputs.add(decode(features.get(outputs.size()), row));
    }
    return new Reconstruction(features, outputs);
  }

  /** Returns the products of the encoder with inputs, [n][d_sae], without a bias. */
  float[][] products(float[][] inputs) {
    return encoder.of(inputs);
  }

  /** Adds up the values of each feature. */
  private Features sum(MatchingPursuit.Selected selected) {
    var values = new float[config.dSae()];
    for (int step = 0; step < selected.count(); step++) {
      values[selected.feature(step)] += selected.value(step);
    }
    return Features.of(values);
  }

  /** Returns the input of the encoder's product. */
  private float[] input(float[] x) {
    return scale(x).normalized(x, config.biasFromInput() ? weights.decoderBias() : null);
  }

  private InputScale scale(float[] x) {
    return InputScale.of(config.normalization(), x, config.dIn());
  }

  private Features activate(float[] products) {
    return switch (config.activation()) {
      case RELU -> positive(products, weights.encoderBias(), null);
      case JUMPRELU -> positive(products, weights.encoderBias(), weights.threshold());
      case GATED -> gated(products);
      case TOPK, ABSTOPK -> topK(products);
      case MATCHING_PURSUIT -> throw new IllegalStateException("it has no single product");
    };
  }

  /** Returns the features with positive values and, if there are thresholds, values above them. */
  static Features positive(float[] products, float[] bias, float @Nullable [] threshold) {
    for (int f = 0; f < products.length; f++) {
      float pre = products[f] + bias[f];
      boolean active = pre > 0 && (threshold == null || pre > threshold[f]);
      products[f] = active ? pre : 0;
    }
    return Features.of(products);
  }

  private Features gated(float[] products) {
    float[] scales = weights.magnitudes();
    for (int f = 0; f < products.length; f++) {
      boolean active = products[f] + weights.gateBias()[f] > 0;
      products[f] = active ? Math.max(0, products[f] * scales[f] + weights.encoderBias()[f]) : 0;
    }
    return Features.of(products);
  }

  private Features topK(float[] products) {
    for (int f = 0; f < products.length; f++) {
      products[f] += weights.encoderBias()[f];
      products[f] *= decoderNorms == null ? 1 : decoderNorms[f];
    }
    var kept = new float[products.length];
    boolean signed = isSigned();
    float[] ranks = signed ? Vectors.magnitudes(products) : products;
    for (int f : Vectors.largest(ranks, config.k())) {
      kept[f] = signed ? products[f] : Math.max(0, products[f]);
    }
    return Features.of(kept);
  }

  /**
   * Reconstructs an activation [d_out] from features.
   *
   * @param x the input [d_in] of the features: the output is denormalized by it, and a skip
   *     connection reads it
   */
  public float[] decode(Features features, float[] x) {
    float[] sum = weights.decoderBias().clone();
    for (int i = 0; i < features.count(); i++) {
      add(sum, weight(features.id(i), features.value(i)), weights.decoder[features.id(i)]);
    }
    if (!config.transcoder()) {
      scale(x).revert(sum);
    }
    float[][] skip = weights.skip;
    for (int j = 0; skip != null && j < sum.length; j++) {
      sum[j] += (float) Vectors.dot(skip[j], x);
    }
    return sum;
  }

  /**
   * Returns the change of the output [d_out] between features; exactly 0 for equal features.
   *
   * @param x the input [d_in] of the features
   */
  public float[] difference(Features from, Features to, float[] x) {
    var sum = new float[config.dOut()];
    for (int i = 0; i < from.count(); i++) {
      float change = to.of(from.id(i)) - from.value(i);
      add(sum, weight(from.id(i), change), weights.decoder[from.id(i)]);
    }
    for (int i = 0; i < to.count(); i++) {
      if (from.of(to.id(i)) == 0) {
        add(sum, weight(to.id(i), to.value(i)), weights.decoder[to.id(i)]);
      }
    }
    Vectors.scale(sum, config.transcoder() ? 1 : scale(x).factor());
    return sum;
  }

  /**
   * Returns the direction of a feature in the input [d_in]: its product with an input is the
   * feature's pre-activation, but for a bias.
   *
   * @throws InvalidInputException if the feature does not exist, or if it depends on the input: if
   *     inputs are normalized, or features depend on those selected before
   */
  public float[] inputDirection(int feature) {
    requireFeature(feature);
    Preconditions.require(
        config.pursuit() == null,
        "autoencoder",
        "matching pursuit",
        "its features have no fixed input directions");
    Preconditions.require(
        config.normalization() == SaeConfig.Normalization.NONE,
        "transcoder",
        config.normalization().name().toLowerCase(Locale.ROOT),
        "normalized inputs have no fixed input directions");
    float[] row = weights.encoder[feature].clone();
    if (config.activation() == SaeConfig.Activation.GATED) {
      Vectors.scale(row, weights.magnitudes()[feature]);
    } else if (decoderNorms != null) {
      Vectors.scale(row, decoderNorms[feature]);
    }
    return row;
  }

  /** Returns a feature's part of the output [d_out] for an activation. */
  public float[] contribution(int feature, float value) {
    float[] part = direction(feature);
    Vectors.scale(part, weight(feature, value));
    return part;
  }

  /** Returns the skip connection of a transcoder, W_skip [d_out][d_in], or null. */
  public float @Nullable [][] skip() {
    float[][] skip = weights.skip;
    return skip == null ? null : Vectors.copy(skip);
  }

  /** Returns the constant part of the output, b_dec [d_out]. */
  public float[] bias() {
    return weights.decoderBias().clone();
  }

  private float weight(int feature, float value) {
    return decoderNorms == null ? value : value / decoderNorms[feature];
  }

  private static void add(float[] sum, float factor, float[] x) {
    for (int j = 0; factor != 0 && j < sum.length; j++) {
      sum[j] += factor * x[j];
    }
  }

  @Override
  public void close() {
    encoder.close();
  }
}

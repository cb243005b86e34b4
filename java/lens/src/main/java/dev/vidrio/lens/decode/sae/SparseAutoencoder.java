package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.TopKHeap;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.Vectors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A sparse autoencoder (Cunningham et al. 2023, arXiv 2309.08600; Bricken et al. 2023): writes an
 * activation z as a sum of few out of many directions, {@code h = σ(z W_enc + b_enc)}, {@code ẑ = h
 * W_dec + b_dec}; or a transcoder (Dunefsky et al. 2024, arXiv 2406.11944), which maps a
 * feed-forward block's input to its output in the same form. Files are those of SAELens.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="sae"}
 *
 * <p>Not thread-safe.
 */
public final class SparseAutoencoder implements AutoCloseable {
  /** Rows that are encoded at once. */
  private static final int ROWS = 64;

  /** Bytes of their pre-activations, at most. */
  private static final long BYTES = 64L << 20;

  private static final float LAYER_NORM_EPSILON = 1e-5f;

  private final SaeConfig config;
  private final SaeWeights weights;
  private final int step;
  private final MatrixProduct encoder;
  private final float @Nullable [] decoderNorms;

  SparseAutoencoder(Executor executor, SaeConfig config, SaeWeights weights) {
    this.config = config;
    this.weights = weights;
    this.decoderNorms = config.rescaled() ? weights.decoderNorms() : null;
    this.step = Math.clamp(BYTES / (4L * config.dSae()), 1, ROWS);
    this.encoder = MatrixProduct.of(executor, weights.encoder(), step);
  }

  /**
   * Reads a directory with {@code cfg.json} and {@code sae_weights.safetensors}.
   *
   * @throws dev.vidrio.error.ModelFileException when one is missing, damaged or contradicts itself
   * @throws dev.vidrio.error.UnsupportedModelException when it is of a kind unknown here
   */
  public static SparseAutoencoder load(Executor executor, Path directory) {
    SaeConfig config = SaeConfigReader.read(directory.resolve(SaeWeights.CONFIG));
    SaeWeights weights = SaeWeights.read(directory, config);
    boolean folds = config.rescaled() && config.activation() == SaeConfig.Activation.JUMPRELU;
    return folds
        ? new SparseAutoencoder(executor, config.withoutRescaling(), weights.withUnitDecoder())
        : new SparseAutoencoder(executor, config, weights);
  }

  /**
   * Writes such a directory, which is made where it is missing. A file that cannot be written
   * leaves both as they were, and no directory that was not there.
   *
   * @param model the name of the model whose activations it is for
   * @throws IOException when it cannot be written
   */
  public void save(Path directory, String model) throws IOException {
    weights.write(directory, config, model);
  }

  /** What kind it is. */
  public SaeConfig config() {
    return config;
  }

  /** The direction that a feature writes, [d_out]. */
  public float[] direction(int feature) {
    return weights.decoder()[requireFeature(feature)].clone();
  }

  /**
   * Checks that it has a feature of this number; returns it.
   *
   * @throws InvalidInputException when it has none
   */
  public int requireFeature(int feature) {
    if (feature < 0 || feature >= config.dSae()) {
      throw new InvalidInputException(
          "feature", Integer.toString(feature), "must be 0 to " + (config.dSae() - 1));
    }
    return feature;
  }

  /** The active features of an activation [d_in]. */
  public Features encode(float[] x) {
    return encode(new float[][] {x}).getFirst();
  }

  /** The active features of each of some activations [d_in]. */
  public List<Features> encode(float[][] rows) {
    List<Features> features = new ArrayList<>();
    for (int begin = 0; begin < rows.length; begin += step) {
      float[][] inputs =
          Arrays.stream(rows, begin, Math.min(rows.length, begin + step))
              .map(this::input)
              .toArray(float[][]::new);
      features.addAll(Arrays.stream(encoder.of(inputs)).parallel().map(this::activate).toList());
    }
    return features;
  }

  /** What the encoder multiplies. */
  private float[] input(float[] x) {
    if (x.length != config.dIn()) {
      throw new InvalidInputException(
          "activation", x.length + " elements", "the autoencoder takes " + config.dIn());
    }
    float[] input = x.clone();
    Scale scale = scale(x);
    for (int j = 0; j < x.length; j++) {
      input[j] = (x[j] - scale.mean) / scale.divisor;
      input[j] -= config.biasFromInput() ? weights.decoderBias()[j] : 0;
    }
    return input;
  }

  /** What normalization takes away, and what it divides and multiplies by. */
  private record Scale(float mean, float divisor, float factor) {}

  private Scale scale(float[] x) {
    double sum = 0;
    double squares = 0;
    for (float value : x) {
      sum += value;
    }
    double mean = config.normalization() == SaeConfig.Normalization.LAYER_NORM ? sum / x.length : 0;
    for (float value : x) {
      squares += (value - mean) * (value - mean);
    }
    return switch (config.normalization()) {
      case NONE -> new Scale(0, 1, 1);
      case LAYER_NORM -> {
        float deviation = (float) Math.sqrt(squares / (x.length - 1));
        yield new Scale((float) mean, deviation + LAYER_NORM_EPSILON, deviation);
      }
      case CONSTANT_NORM_RESCALE -> {
        float divisor = (float) Math.sqrt(squares / x.length);
        yield new Scale(0, divisor, divisor);
      }
    };
  }

  private Features activate(float[] products) {
    return switch (config.activation()) {
      case RELU -> positive(products, weights.encoderBias(), null);
      case JUMPRELU -> positive(products, weights.encoderBias(), weights.threshold());
      case GATED -> gated(products);
      case TOPK -> topK(products);
    };
  }

  /** Those above 0 and, where there is one, above a threshold. */
  private static Features positive(float[] products, float[] bias, float @Nullable [] threshold) {
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
    int k = Math.min(config.k(), products.length);
    var greatest = new TopKHeap(k);
    greatest.begin(k);
    for (int f = 0; f < products.length; f++) {
      products[f] += weights.encoderBias()[f];
      products[f] *= decoderNorms == null ? 1 : decoderNorms[f];
      greatest.offer(products[f], f);
    }
    var kept = new float[products.length];
    int count = greatest.sort();
    for (int i = 0; i < count; i++) {
      kept[greatest.id(i)] = Math.max(0, products[greatest.id(i)]);
    }
    return Features.of(kept);
  }

  /**
   * The activation [d_out] that features stand for.
   *
   * @param x the input [d_in] that they were read from: the output gets back what normalization
   *     took of it, and a skip connection reads it
   */
  public float[] decode(Features features, float[] x) {
    float[] sum = weights.decoderBias().clone();
    for (int i = 0; i < features.count(); i++) {
      add(sum, weight(features.id(i), features.value(i)), weights.decoder()[features.id(i)]);
    }
    if (!config.transcoder()) {
      Scale scale = scale(x);
      for (int j = 0; j < sum.length; j++) {
        sum[j] = sum[j] * scale.factor + scale.mean;
      }
    }
    float[][] skip = weights.skip();
    for (int j = 0; skip != null && j < sum.length; j++) {
      sum[j] += (float) Vectors.dot(skip[j], x);
    }
    return sum;
  }

  /**
   * What the output [d_out] gains when features change; of equal features it is exactly 0.
   *
   * @param x the input [d_in] that they were read from
   */
  public float[] difference(Features from, Features to, float[] x) {
    var sum = new float[config.dOut()];
    for (int i = 0; i < from.count(); i++) {
      float change = to.of(from.id(i)) - from.value(i);
      add(sum, weight(from.id(i), change), weights.decoder()[from.id(i)]);
    }
    for (int i = 0; i < to.count(); i++) {
      if (from.of(to.id(i)) == 0) {
        add(sum, weight(to.id(i), to.value(i)), weights.decoder()[to.id(i)]);
      }
    }
    float factor = config.transcoder() ? 1 : scale(x).factor;
    for (int j = 0; j < sum.length; j++) {
      sum[j] *= factor;
    }
    return sum;
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

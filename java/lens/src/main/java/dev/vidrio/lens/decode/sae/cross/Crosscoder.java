package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A sparse crosscoder (Lindsey et al. 2024, transformer-circuits.pub/2024/crosscoders): which
 * features do several layers, or two models, share? A feature reads and writes all of S activations
 * of a token, {@code h = σ(Σ_s x_s W_enc,s + b_enc)} [F], {@code x̂_s = h W_dec,s + b_dec,s} [d].
 * The norm of W_dec,s shows how much of the feature is in activation s. Files are those of
 * dictionary_learning, with a ReLU or a threshold (BatchTopK, Minder et al. 2025, arXiv
 * 2504.02922).
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="crosscoder"}
 *
 * <p>Not thread-safe.
 *
 * @see CrossTraining
 * @see "docs/lens/dictionaries.md"
 */
public final class Crosscoder implements FeatureDictionary {
  /** Rows that are encoded at once. */
  private static final int ROWS = 64;

  private final CrosscoderWeights weights;
  private final MatrixProduct encoder;

  Crosscoder(Executor executor, CrosscoderWeights weights) {
    this.weights = weights;
    this.encoder = MatrixProduct.of(executor, weights.encoder, ROWS);
  }

  /** Returns whether a directory has the files of a crosscoder. */
  public static boolean isIn(Path directory) {
    return CrosscoderFile.isIn(directory);
  }

  /**
   * Opens a directory with {@code config.json} and {@code model.safetensors}.
   *
   * @throws dev.vidrio.error.ModelFileException if a file is missing, damaged or inconsistent
   * @throws dev.vidrio.error.UnsupportedModelException if the kind is not supported
   */
  public static Crosscoder open(Executor executor, Path directory) {
    return new Crosscoder(executor, CrosscoderFile.read(directory));
  }

  /** Returns S, the number of activations. */
  public int activations() {
    return weights.outputBias.length;
  }

  /** Returns d, the width of each activation. */
  public int width() {
    return weights.outputBias[0].length;
  }

  @Override
  public int features() {
    return weights.encoder.length;
  }

  /** Returns the names of the hook points of the activations; empty if the file has none. */
  @Override
  public List<String> hooksIn() {
    return weights.hooks;
  }

  @Override
  public List<String> hooksOut() {
    return weights.hooks;
  }

  /** Returns whether the activations are of two models, according to the file. */
  public boolean isOfModels() {
    return weights.models;
  }

  /**
   * Returns the active features of tokens.
   *
   * @param rows activations of each token, concatenated, [n][S · d]
   */
  @Override
  public List<Features> encode(float[][] rows) {
    for (float[] row : rows) {
      Preconditions.require(
          row.length == activations() * width(),
          "activations",
          row.length + " elements",
          "must be %d of %d".formatted(activations(), width()));
    }
    List<Features> features = new ArrayList<>();
    for (int begin = 0; begin < rows.length; begin += ROWS) {
      float[][] part = Arrays.copyOfRange(rows, begin, Math.min(rows.length, begin + ROWS));
      for (float[] products : encoder.of(part)) {
        features.add(active(products));
      }
    }
    return features;
  }

  private Features active(float[] products) {
    float @Nullable [] thresholds = weights.thresholds;
    for (int f = 0; f < products.length; f++) {
      float pre = products[f] + weights.bias[f];
      boolean active = pre > 0 && (thresholds == null || pre > thresholds[f]);
      products[f] = active ? pre : 0;
    }
    return Features.of(products);
  }

  /** Reconstructs the activations of a token from features, [S][d]. */
  public float[][] decode(Features features) {
    float[][] sums = Vectors.copy(weights.outputBias);
    for (int i = 0; i < features.count(); i++) {
      float[] row = weights.decoder[features.id(i)];
      for (int j = 0; j < row.length; j++) {
        sums[j / width()][j % width()] += features.value(i) * row[j];
      }
    }
    return sums;
  }

  /** Returns what a feature of value 1 writes to each activation, [S][d]. */
  public float[][] directions(int feature) {
    Preconditions.requireRange("feature", feature, 0, features() - 1);
    float[] row = weights.decoder[feature];
    return IntStream.range(0, activations())
        .mapToObj(s -> Arrays.copyOfRange(row, s * width(), (s + 1) * width()))
        .toArray(float[][]::new);
  }

  @Override
  public float[] direction(int feature) {
    return directions(feature)[activations() - 1];
  }

  /**
   * Returns the norms of a feature's {@link #directions}, [S]. If the file has scales of the
   * activations, as those of {@link CrossTraining} do, they are for activations of mean norm √d, so
   * that those of different layers can be compared.
   */
  public double[] norms(int feature) {
    float[][] directions = directions(feature);
    return IntStream.range(0, activations())
        .mapToDouble(s -> weights.scales[s] * Vectors.norm(directions[s]))
        .toArray();
  }

  /**
   * Returns the share of the last of two activations in the norms of a feature: 0 if the feature is
   * in the first model only, 1 if it is in the second only, 0.5 if it is in both alike (relative
   * norm).
   *
   * @throws dev.vidrio.error.InvalidInputException if there are not two activations
   */
  public double relativeNorm(int feature) {
    Preconditions.require(
        activations() == 2, "crosscoder", activations() + " activations", "must have 2");
    double[] norms = norms(feature);
    return norms[1] / (norms[0] + norms[1]);
  }

  /**
   * Returns the activations that the crosscoder encodes.
   *
   * @param hooks the hook points, if the file does not name them; empty for those of the file
   * @param other the lens of the second model; null if all activations are of one model
   * @throws dev.vidrio.error.InvalidInputException if the model does not have them, or their number
   *     or width is not that of the crosscoder
   */
  public ActivationSources sources(Lens lens, String hooks, @Nullable Lens other) {
    String names =
        hooks.isEmpty() ? String.join(",", hooksIn().stream().distinct().toList()) : hooks;
    Preconditions.require(!names.isEmpty(), "hooks", "", "are not named in the file");
    Preconditions.require(
        other != null || !isOfModels(),
        "crosscoder",
        "of two models",
        "needs an adapter, which the second model has");
    ActivationSources sources =
        other == null
            ? ActivationSources.ofLayers(lens, lens.points(names))
            : ActivationSources.ofModels(lens, other, lens.point(names));
    int count = sources.layout().inputs();
    Preconditions.require(
        count == activations() && sources.layout().width() == width(),
        "hooks",
        names,
        "are %d activations of %d; the crosscoder has %d of %d"
            .formatted(count, sources.layout().width(), activations(), width()));
    return sources;
  }

  /** Runs tokens and returns the active features of each. */
  public List<Features> features(ActivationSources sources, int[] tokens) {
    return encode(sources.rows(tokens, 0));
  }

  @Override
  public void close() {
    encoder.close();
  }
}

package dev.vidrio.lens.decode.sae;

import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.file.MappedFile;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.memory.FloatTensors;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A temporal autoencoder (Lubana et al. 2025, arXiv 2511.01836): which part of an activation is new
 * at a token, and not predictable from the tokens before? Attention over the features of earlier
 * tokens predicts the activation, and a sparse autoencoder reads what the prediction leaves. Files
 * are those of SAELens.
 *
 * <p>Rows of {@link #encode} and {@link #reconstruct} are consecutive tokens of a text, from its
 * first. Features have the values of the new part; reconstructions include the prediction.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/decoding.md"
 */
public final class TemporalAutoencoder implements Autoencoder {
  private final TemporalConfig config;
  private final float[] bias;
  private final TemporalPrediction prediction;
  private final SparseAutoencoder novel;

  private TemporalAutoencoder(
      TemporalConfig config, float[] bias, TemporalPrediction prediction, SparseAutoencoder novel) {
    this.config = config;
    this.bias = bias;
    this.prediction = prediction;
    this.novel = novel;
  }

  /** Returns whether a directory has the configuration of a temporal autoencoder. */
  public static boolean isIn(Path directory) {
    return TemporalConfig.isIn(directory);
  }

  /**
   * Reads a directory with {@code cfg.json} and {@code sae_weights.safetensors}.
   *
   * @throws dev.vidrio.error.ModelFileException if a file is missing, damaged or inconsistent
   * @throws dev.vidrio.error.UnsupportedModelException if the kind is not supported
   */
  public static TemporalAutoencoder load(Executor executor, Path directory) {
    Path configPath = directory.resolve(SaeLensConfig.FILE);
    TemporalConfig config = TemporalConfig.read(configPath);
    Path path = directory.resolve(SaeWeights.FILE);
    TemporalAutoencoder read = MappedFile.read(path.toString(), () -> read(executor, path, config));
    try {
      JsonFile.requireUnchanged(configPath, config, TemporalConfig.read(configPath));
      return read;
    } catch (Throwable e) {
      read.close();
      throw e;
    }
  }

  private static TemporalAutoencoder read(Executor executor, Path path, TemporalConfig config) {
    int dIn = config.dIn();
    int dSae = config.dSae();
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(path, arena);
      Set<String> known = new HashSet<>(TemporalPrediction.tensors(config));
      known.addAll(List.of("W_dec", "b_dec"));
      if (!config.tied()) {
        known.add("W_enc");
      }
      SaeWeights.requireOnly(file, known);
      float[] bias = FloatTensors.values(file, "b_dec", dIn);
      float[][] decoder = FloatTensors.rows(file, "W_dec", dSae, dIn);
      float[][] encoder =
          config.tied()
              ? Vectors.copy(decoder)
              : MatrixProduct.transposed(FloatTensors.rows(file, "W_enc", dIn, dSae));
      for (float[] row : encoder) {
        Vectors.scale(row, 1f / (4 * dIn)); // λ of SAELens
      }
      SparseAutoencoder novel = novel(executor, config, encoder, decoder, bias);
      try {
        return new TemporalAutoencoder(
            config, bias, TemporalPrediction.read(executor, file, config, decoder), novel);
      } catch (Throwable e) {
        novel.close();
        throw e;
      }
    }
  }

  /** Returns the autoencoder of residuals. */
  private static SparseAutoencoder novel(
      Executor executor,
      TemporalConfig config,
      float[][] encoder,
      float[][] decoder,
      float[] bias) {
    // SAELens adds the bias to the output of a tied decoder only if the input lost it.
    boolean adds = !config.tied() || config.biasFromInput();
    return new SparseAutoencoder(
        executor,
        new SaeConfig(
            config.k() > 0 ? SaeConfig.Activation.TOPK : SaeConfig.Activation.RELU,
            false,
            false,
            config.dIn(),
            config.dSae(),
            config.dIn(),
            config.k(),
            null,
            false,
            SaeConfig.Normalization.NONE,
            false,
            config.hook(),
            config.hook()),
        new SaeWeights(
            encoder,
            decoder,
            Map.of(
                "b_enc", new float[config.dSae()], "b_dec", adds ? bias : new float[bias.length]),
            null));
  }

  @Override
  public List<String> hooksIn() {
    return novel.hooksIn();
  }

  @Override
  public List<String> hooksOut() {
    return novel.hooksOut();
  }

  @Override
  public int features() {
    return novel.features();
  }

  @Override
  public float[] direction(int feature) {
    return novel.direction(feature);
  }

  @Override
  public List<Features> encode(float[][] rows) {
    return novel.encode(residuals(inputs(rows)));
  }

  @Override
  public Reconstruction reconstruct(float[][] rows) {
    float[][] inputs = inputs(rows);
    float[][] residuals = residuals(inputs);
    Reconstruction parts = novel.reconstruct(residuals);
    for (int i = 0; i < rows.length; i++) {
      float[] output = parts.outputs().get(i);
      Vectors.addDifference(output, inputs[i], residuals[i]);
      Vectors.scale(output, 1 / config.factor());
      scale(rows[i]).revert(output);
    }
    return parts;
  }

  private float[][] residuals(float[][] inputs) {
    return prediction.residuals(inputs, novel::products);
  }

  /** Returns normalized activations. */
  private float[][] inputs(float[][] rows) {
    return Arrays.stream(rows).map(this::input).toArray(float[][]::new);
  }

  private float[] input(float[] x) {
    float[] input = scale(x).normalized(x, null);
    Vectors.scale(input, config.factor());
    if (config.biasFromInput()) {
      Vectors.add(input, -1, bias);
    }
    return input;
  }

  private InputScale scale(float[] x) {
    return InputScale.of(config.normalization(), x, config.dIn());
  }

  @Override
  public void close() {
    prediction.close();
    novel.close();
  }
}

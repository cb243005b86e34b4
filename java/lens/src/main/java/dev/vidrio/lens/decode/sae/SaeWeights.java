package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.formats.file.CreatedDirectories;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.file.MappedFile;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.memory.FloatTensors;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.Vectors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * The weights of a sparse autoencoder or transcoder, by their SAELens names. Both matrices have a
 * row per feature.
 */
final class SaeWeights {
  static final String FILE = "sae_weights.safetensors";

  final float[][] encoder;
  final float[][] decoder;
  private final Map<String, float[]> vectors;
  final float @Nullable [][] skip;

  /**
   * Creates the weights.
   *
   * @param encoder W_encᵀ, [d_sae][d_in], or {@code decoder}
   * @param decoder W_dec, [d_sae][d_out]
   * @param vectors biases, thresholds and scales
   * @param skip [d_out][d_in], or null
   */
  SaeWeights(
      float[][] encoder,
      float[][] decoder,
      Map<String, float[]> vectors,
      float @Nullable [][] skip) {
    this.encoder = encoder;
    this.decoder = decoder;
    this.vectors = vectors;
    this.skip = skip;
  }

  /** Reads the weights and, after them, the configuration again, which must not have changed. */
  static SaeWeights read(Path directory, SaeConfig config) {
    Path path = directory.resolve(FILE);
    SaeWeights weights = MappedFile.read(path.toString(), () -> read(config, path));
    Path configPath = directory.resolve(SaeLensConfig.FILE);
    JsonFile.requireUnchanged(configPath, config, SaeConfigReader.read(configPath));
    return weights;
  }

  private static SaeWeights read(SaeConfig config, Path path) {
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(path, arena);
      int dSae = config.dSae();
      Map<String, float[]> vectors = new LinkedHashMap<>();
      vectors.put("b_dec", FloatTensors.values(file, "b_dec", config.dOut()));
      switch (config.activation()) {
        case GATED -> {
          for (String name : List.of("b_gate", "b_mag", "r_mag")) {
            vectors.put(name, FloatTensors.values(file, name, dSae));
          }
        }
        case JUMPRELU -> {
          vectors.put("b_enc", FloatTensors.values(file, "b_enc", dSae));
          vectors.put("threshold", threshold(file, dSae));
        }
        case RELU, TOPK, ABSTOPK -> vectors.put("b_enc", FloatTensors.values(file, "b_enc", dSae));
        case MATCHING_PURSUIT -> {
          if (!config.biasFromInput()) { // SAELens has the bias on both sides, or on none.
            vectors.put("b_dec", new float[config.dOut()]);
          }
        }
      }
      requireNothingElse(file, config, vectors.keySet());
      float[][] decoder = FloatTensors.rows(file, "W_dec", dSae, config.dOut());
      return new SaeWeights(
          config.activation().isTied()
              ? decoder
              : MatrixProduct.transposed(FloatTensors.rows(file, "W_enc", config.dIn(), dSae)),
          decoder,
          vectors,
          config.skip() ? FloatTensors.rows(file, "W_skip", config.dOut(), config.dIn()) : null);
    }
  }

  /**
   * Reads the decoder, its bias and the skip connection of a transcoder of a feed-forward block,
   * and folds the gain and bias of its input into the weights.
   *
   * @param encoder [d_sae][d_in]
   * @param vectors with b_enc
   */
  static SaeWeights ofBlock(
      Lens lens,
      Safetensors file,
      BlockInput input,
      float[][] encoder,
      Map<String, float[]> vectors) {
    int d = lens.model().architecture().width();
    if (encoder[0].length != d) {
      throw new ModelFileException(
          file.name(), "width of the input", Integer.toString(encoder[0].length), "must be " + d);
    }
    float[] bias = FloatTensors.values(file, "b_dec", d);
    float[][] skip =
        file.find("W_skip").isPresent() ? FloatTensors.rows(file, "W_skip", d, d) : null;
    var weights =
        new SaeWeights(encoder, FloatTensors.rows(file, "W_dec", encoder.length, d), vectors, skip);
    vectors.put("b_dec", bias);
    input.foldBias(encoder, weights.encoderBias());
    input.fold(encoder);
    if (skip != null) {
      input.foldBias(skip, bias);
      input.fold(skip);
    }
    return weights;
  }

  /** Rejects unknown tensors, which would change the arithmetic. */
  static void requireOnly(Safetensors file, Set<String> known) {
    for (SafetensorsTensor tensor : file.tensors()) {
      if (!known.contains(tensor.name())) {
        throw unknown(file, tensor, known);
      }
    }
  }

  private static UnsupportedModelException unknown(
      Safetensors file, SafetensorsTensor tensor, Set<String> known) {
    return new UnsupportedModelException(
        file.name(),
        "tensor '" + tensor.name() + "'",
        "an autoencoder of this kind has " + String.join(", ", new TreeSet<>(known)));
  }

  /** Rejects unknown tensors, which would change the arithmetic; old files have a factor of 1. */
  private static void requireNothingElse(Safetensors file, SaeConfig config, Set<String> vectors) {
    Set<String> known = new HashSet<>(vectors);
    known.addAll(List.of("W_dec", "topk_threshold"));
    if (!config.activation().isTied()) {
      known.add("W_enc");
    }
    if (config.skip()) {
      known.add("W_skip");
    }
    for (SafetensorsTensor tensor : file.tensors()) {
      boolean isOne = tensor.name().equals("scaling_factor") && isAllOnes(file, tensor);
      if (!known.contains(tensor.name()) && !isOne) {
        throw unknown(file, tensor, known);
      }
    }
  }

  private static boolean isAllOnes(Safetensors file, SafetensorsTensor tensor) {
    long count = tensor.shape().stream().reduce(1L, (a, b) -> a * b);
    return LongStream.range(0, count).allMatch(i -> FloatTensors.element(file, tensor, i) == 1);
  }

  /**
   * Returns equivalent weights with decoder rows of norm 1; the other weights are scaled by the
   * norms.
   */
  SaeWeights withUnitDecoder() {
    float[] norms = decoderNorms();
    float[] bias = encoderBias().clone();
    var newEncoder = new float[encoder.length][];
    var newDecoder = new float[decoder.length][];
    for (int f = 0; f < norms.length; f++) {
      newEncoder[f] = scaled(encoder[f], norms[f]);
      newDecoder[f] = scaled(decoder[f], 1 / norms[f]);
      bias[f] *= norms[f];
    }
    Map<String, float[]> newVectors = new LinkedHashMap<>(vectors);
    newVectors.put("b_enc", bias);
    return new SaeWeights(newEncoder, newDecoder, newVectors, skip);
  }

  private static float[] scaled(float[] row, float factor) {
    float[] scaled = row.clone();
    for (int j = 0; j < scaled.length; j++) {
      scaled[j] *= factor;
    }
    return scaled;
  }

  /** Returns a threshold per feature; a BatchTopK autoencoder in training has a common one. */
  private static float[] threshold(Safetensors file, int dSae) {
    if (file.find("topk_threshold").isEmpty()) {
      return FloatTensors.values(file, "threshold", dSae);
    }
    var threshold = new float[dSae];
    Arrays.fill(
        threshold, FloatTensors.element(file, FloatTensors.tensor(file, "topk_threshold"), 0));
    return threshold;
  }

  /**
   * Writes {@code cfg.json} and the weights into a directory, which is created if missing, and
   * replaces both together.
   */
  void write(Path directory, SaeConfig config, String model) throws IOException {
    Map<String, float[][]> tensors = new LinkedHashMap<>();
    if (!config.activation().isTied()) {
      tensors.put("W_enc", MatrixProduct.transposed(encoder));
    }
    tensors.put("W_dec", decoder);
    vectors.forEach((name, values) -> tensors.put(name, new float[][] {values}));
    if (skip != null) {
      tensors.put("W_skip", skip);
    }
    List<Entry> entries = new ArrayList<>();
    tensors.forEach(
        (name, rows) -> {
          long width = rows[0].length;
          entries.add(
              new Entry(
                  name,
                  Dtype.F32,
                  vectors.containsKey(name) ? List.of(width) : List.of((long) rows.length, width)));
        });
    byte[] json = JsonMapper.shared().writeValueAsBytes(config.toJson(model));
    try (var _ = CreatedDirectories.of(directory);
        var writer = SafetensorsWriter.create(directory.resolve(FILE), entries, Map.of());
        var cfg = AtomicFile.create(directory.resolve(SaeLensConfig.FILE))) {
      for (var tensor : tensors.entrySet()) {
        for (float[] row : tensor.getValue()) {
          writer.write(tensor.getKey(), row);
        }
      }
      cfg.write(ByteBuffer.wrap(json), 0);
      writer.finishAfter(cfg);
    }
  }

  /** Returns the encoder's bias; in a gated autoencoder, that of the magnitudes. */
  float[] encoderBias() {
    return vector(vectors.containsKey("b_mag") ? "b_mag" : "b_enc");
  }

  float[] decoderBias() {
    return vector("b_dec");
  }

  float[] threshold() {
    return vector("threshold");
  }

  float[] gateBias() {
    return vector("b_gate");
  }

  private float[] vector(String name) {
    float[] vector = vectors.get(name);
    if (vector == null) {
      throw new IllegalStateException("there is no " + name);
    }
    return vector;
  }

  /** Returns the factor of a gated autoencoder's magnitudes: exp(r_mag). */
  float[] magnitudes() {
    float[] exponents = vector("r_mag");
    var factors = new float[exponents.length];
    for (int f = 0; f < factors.length; f++) {
      factors[f] = (float) Math.exp(exponents[f]);
    }
    return factors;
  }

  /** Returns the norms of the decoder's rows. */
  float[] decoderNorms() {
    var norms = new float[decoder.length];
    for (int f = 0; f < norms.length; f++) {
      norms[f] = (float) Vectors.norm(decoder[f]);
    }
    return norms;
  }
}

package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.formats.file.CreatedDirectories;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.file.MappedFile;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.lens.memory.FloatTensors;
import dev.vidrio.lens.vector.Vectors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads and writes the files of a crosscoder of dictionary_learning: {@code config.json} and {@code
 * model.safetensors} with {@code encoder.weight} [S, d, F], {@code encoder.bias} [F], {@code
 * decoder.weight} [S, F, d] and {@code decoder.bias} [S, d]. {@code threshold} makes a feature
 * active if its value times the norm of its decoders exceeds it; {@code code_normalization} in the
 * configuration is the kind of this norm. {@code activation_mean} and {@code
 * activation_global_scale} normalize the activations, unless the mean is NaN.
 */
final class CrosscoderFile {
  private static final String CONFIG = "config.json";
  private static final String WEIGHTS = "model.safetensors";
  private static final long MAX_BYTES = 1 << 20;

  /** Names in the metadata of our files, which other programs ignore. */
  private static final String HOOKS = "hooks";

  private static final String MODELS = "models";
  private static final String SCALES = "scales";

  /** The number of the normalization NONE in the tensor {@code code_normalization_id}. */
  private static final long NO_NORMALIZATION = 4;

  private CrosscoderFile() {}

  /** Returns whether a directory has both files, and is not a model of transformers. */
  static boolean isIn(Path directory) {
    Path config = directory.resolve(CONFIG);
    return FileStatus.exists(config)
        && FileStatus.exists(directory.resolve(WEIGHTS))
        && !isOfTransformers(config);
  }

  private static boolean isOfTransformers(Path config) {
    try {
      return JsonFile.readObject(config, MAX_BYTES).has("model_type");
    } catch (ModelFileException e) {
      return false; // reading the crosscoder reports it
    }
  }

  /** Reads the weights and, after them, the configuration again, which must not have changed. */
  static CrosscoderWeights read(Path directory) {
    Path config = directory.resolve(CONFIG);
    JsonNode json = JsonFile.readObject(config, MAX_BYTES);
    Path path = directory.resolve(WEIGHTS);
    CrosscoderWeights weights =
        MappedFile.read(
            path.toString(),
            () -> {
              try (Arena arena = Arena.ofConfined()) {
                return new Reader(Safetensors.open(path, arena), config.toString(), json).read();
              }
            });
    JsonFile.requireUnchanged(config, json, JsonFile.readObject(config, MAX_BYTES));
    return weights;
  }

  /** Reads an open file. */
  private static final class Reader {
    private final Safetensors file;
    private final String config;
    private final JsonNode json;
    private final int activations;
    private final int width;
    private final int features;

    Reader(Safetensors file, String config, JsonNode json) {
      this.file = file;
      this.config = config;
      this.json = json;
      List<Long> shape =
          file.find("encoder.weight").map(SafetensorsTensor::shape).orElse(List.of());
      boolean valid =
          shape.size() == 3 && shape.stream().allMatch(n -> n > 0 && n <= Integer.MAX_VALUE);
      if (!valid) {
        throw new ModelFileException(
            file.name(),
            "shape of tensor 'encoder.weight'",
            shape.toString(),
            "must be [activations, width, features]");
      }
      this.activations = Math.toIntExact(shape.get(0));
      this.width = Math.toIntExact(shape.get(1));
      this.features = Math.toIntExact(shape.get(2));
    }

    CrosscoderWeights read() {
      requireKnown();
      float[][] encoder = encoder();
      float[][] decoder = decoder();
      float[] bias = FloatTensors.values(file, "encoder.bias", features);
      float[][] outputBias = FloatTensors.rows(file, "decoder.bias", activations, width);
      float[] thresholds = thresholds(decoder);
      foldNormalization(encoder, bias, decoder, outputBias);
      return new CrosscoderWeights(
          encoder,
          bias,
          decoder,
          outputBias,
          thresholds,
          scales(),
          strings(HOOKS),
          file.metadata().getOrDefault(MODELS, "1").equals("2"));
    }

    /** Rejects what would change the arithmetic. */
    private void requireKnown() {
      List<String> known =
          List.of(
              "encoder.weight",
              "encoder.bias",
              "decoder.weight",
              "decoder.bias",
              "threshold",
              "k",
              "code_normalization_id",
              "target_rms",
              "activation_mean",
              "activation_std",
              "activation_global_scale");
      for (SafetensorsTensor tensor : file.tensors()) {
        if (!known.contains(tensor.name())) {
          throw new UnsupportedModelException(
              file.name(), "tensor '" + tensor.name() + "'", "supported: " + known);
        }
      }
      JsonNode layers = json.path("encoder_layers");
      if (!layers.isMissingNode() && !layers.isNull()) {
        throw new UnsupportedModelException(
            config, "key 'encoder_layers' " + layers, "supported: null, all activations");
      }
    }

    /** Returns strings of the metadata, one for each activation, or none. */
    private List<String> strings(String key) {
      String written = file.metadata().getOrDefault(key, "");
      List<String> strings = written.isEmpty() ? List.of() : List.of(written.split(",", -1));
      if (!strings.isEmpty() && strings.size() != activations) {
        throw metadataFault(key, written);
      }
      return strings;
    }

    private ModelFileException metadataFault(String key, String value) {
      return new ModelFileException(
          file.name(),
          "metadata '" + key + "'",
          value,
          "must have %d values".formatted(activations));
    }

    private float[] scales() {
      List<String> written = strings(SCALES);
      var scales = new float[activations];
      Arrays.fill(scales, 1);
      try {
        for (int s = 0; s < written.size(); s++) {
          scales[s] = Float.parseFloat(written.get(s));
          if (!(scales[s] > 0 && Float.isFinite(scales[s]))) {
            throw metadataFault(SCALES, written.toString());
          }
        }
      } catch (NumberFormatException e) {
        throw metadataFault(SCALES, written.toString());
      }
      return scales;
    }

    private float[][] encoder() {
      SafetensorsTensor tensor =
          FloatTensors.tensor(file, "encoder.weight", activations, width, features);
      var encoder = new float[features][activations * width];
      for (int column = 0; column < activations * width; column++) {
        float[] values = FloatTensors.range(file, tensor, (long) column * features, features);
        for (int f = 0; f < features; f++) {
          encoder[f][column] = values[f];
        }
      }
      return encoder;
    }

    private float[][] decoder() {
      SafetensorsTensor tensor =
          FloatTensors.tensor(file, "decoder.weight", activations, features, width);
      var decoder = new float[features][activations * width];
      for (int s = 0; s < activations; s++) {
        for (int f = 0; f < features; f++) {
          long begin = ((long) s * features + f) * width;
          float[] values = FloatTensors.range(file, tensor, begin, width);
          System.arraycopy(values, 0, decoder[f], s * width, width);
        }
      }
      return decoder;
    }

    /** Returns thresholds of values, or null for ReLU; a negative one is of an untrained file. */
    private float @Nullable [] thresholds(float[][] decoder) {
      if (file.find("threshold").isEmpty()) {
        return null;
      }
      float threshold = FloatTensors.element(file, FloatTensors.tensor(file, "threshold"), 0);
      String kind = json.path("code_normalization").asString("CROSSCODER");
      var thresholds = new float[features];
      for (int f = 0; f < features; f++) {
        double norm =
            switch (kind) {
              case "CROSSCODER" -> sumOfNorms(decoder[f]);
              case "SAE" -> Vectors.norm(decoder[f]);
              case "NONE" -> 1;
              default ->
                  throw new UnsupportedModelException(
                      config,
                      "key 'code_normalization' " + kind,
                      "supported: CROSSCODER, SAE, NONE");
            };
        thresholds[f] = (float) (Math.max(0, threshold) / norm);
      }
      return thresholds;
    }

    private double sumOfNorms(float[] row) {
      double sum = 0;
      for (int begin = 0; begin < row.length; begin += width) {
        sum += Vectors.norm(Arrays.copyOfRange(row, begin, begin + width));
      }
      return sum;
    }

    /** Folds {@code x ↦ (x − mean) · scale} of the inputs, and its inverse of the outputs. */
    private void foldNormalization(
        float[][] encoder, float[] bias, float[][] decoder, float[][] outputBias) {
      if (file.find("activation_mean").isEmpty()) {
        return;
      }
      SafetensorsTensor tensor = FloatTensors.tensor(file, "activation_mean", activations, width);
      if (Float.isNaN(tensor.element(0))) {
        return;
      }
      int columns = activations * width;
      float[] mean = FloatTensors.range(file, tensor, 0, columns);
      float scale =
          FloatTensors.element(file, FloatTensors.tensor(file, "activation_global_scale"), 0);
      for (int f = 0; f < features; f++) {
        Vectors.scale(encoder[f], scale);
        bias[f] -= (float) Vectors.dot(encoder[f], mean);
        // The program's own constant against division by 0.
        Vectors.scale(decoder[f], 1 / (scale + 1e-8f));
      }
      for (int j = 0; j < columns; j++) {
        float[] row = outputBias[j / width];
        row[j % width] = row[j % width] / (scale + 1e-8f) + mean[j];
      }
    }
  }

  /** Writes both files into a directory, which is created if missing, or none. */
  static void write(Path directory, CrossTrainer trainer, ActivationSources sources)
      throws IOException {
    CrossTrainer.Folded folded = trainer.folded(0, true);
    boolean jumps = folded.thresholds != null;
    byte[] json =
        JsonMapper.shared().writeValueAsBytes(config(trainer.layout(), trainer.options()));
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(HOOKS, String.join(",", sources.names()));
    metadata.put(MODELS, sources.isOfModels() ? "2" : "1");
    metadata.put(
        SCALES,
        IntStream.range(0, trainer.scales.length)
            .mapToObj(s -> Float.toString(trainer.scales[s]))
            .collect(Collectors.joining(",")));
    try (var _ = CreatedDirectories.of(directory);
        var writer =
            SafetensorsWriter.create(
                directory.resolve(WEIGHTS), entries(trainer.layout(), folded), metadata);
        var config = AtomicFile.create(directory.resolve(CONFIG))) {
      writeWeights(writer, trainer, folded);
      writer.write("code_normalization_id", integer(NO_NORMALIZATION, Long.BYTES));
      if (jumps) {
        writer.write("k", integer(trainer.options().k(), Integer.BYTES));
        writer.write("threshold", new float[] {(float) trainer.state().threshold()});
      }
      config.write(ByteBuffer.wrap(json), 0);
      writer.finishAfter(config);
    }
  }

  private static Map<String, Object> config(CrossLayout layout, CrossOptions options) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("activation_dim", layout.width());
    config.put("dict_size", options.features());
    config.put("num_layers", layout.inputs());
    if (options.k() > 0) {
      config.put("k", options.k());
    }
    config.put("code_normalization", "NONE");
    return config;
  }

  private static List<Entry> entries(CrossLayout layout, CrossTrainer.Folded folded) {
    long activations = layout.inputs();
    long width = layout.width();
    long features = folded.encoder.length;
    List<Entry> entries = new ArrayList<>();
    entries.add(new Entry("encoder.weight", Dtype.F32, List.of(activations, width, features)));
    entries.add(new Entry("encoder.bias", Dtype.F32, List.of(features)));
    entries.add(new Entry("decoder.weight", Dtype.F32, List.of(activations, features, width)));
    entries.add(new Entry("decoder.bias", Dtype.F32, List.of(activations, width)));
    entries.add(new Entry("code_normalization_id", Dtype.I64, List.of()));
    if (folded.thresholds != null) {
      entries.add(new Entry("k", Dtype.I32, List.of()));
      entries.add(new Entry("threshold", Dtype.F32, List.of()));
    }
    return entries;
  }

  private static void writeWeights(
      SafetensorsWriter writer, CrossTrainer trainer, CrossTrainer.Folded folded)
      throws IOException {
    CrossLayout layout = trainer.layout();
    int features = folded.encoder.length;
    for (int column = 0; column < layout.columns(); column++) {
      var values = new float[features];
      for (int f = 0; f < features; f++) {
        values[f] = folded.encoder[f][column];
      }
      writer.write("encoder.weight", values);
    }
    writer.write("encoder.bias", folded.bias);
    for (int s = 0; s < layout.inputs(); s++) {
      int begin = s * layout.width();
      for (float[] row : folded.decoder) {
        writer.write("decoder.weight", Arrays.copyOfRange(row, begin, begin + layout.width()));
      }
    }
    writer.write("decoder.bias", trainer.foldedOutputBias());
  }

  private static MemorySegment integer(long value, int bytes) {
    var number = new byte[bytes];
    for (int i = 0; i < bytes; i++) {
      number[i] = (byte) (value >> (8 * i));
    }
    return MemorySegment.ofArray(number);
  }
}

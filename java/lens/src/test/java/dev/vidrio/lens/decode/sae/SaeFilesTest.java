package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.lens.BardTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files of autoencoders: old ones, other ones and damaged ones. */
class SaeFilesTest extends BardTest {
  @TempDir Path directory;

  /** A Matryoshka autoencoder differs in its training only. */
  @Test
  void matryoshkaIsBatchTopK() throws IOException {
    Path files = DictionaryFixtures.path("batchtopk");
    Path weights = Path.of("sae_weights.safetensors");
    Files.copy(files.resolve(weights), directory.resolve(weights));
    String config = Files.readString(files.resolve("cfg.json"));
    Files.writeString(
        directory.resolve("cfg.json"),
        config.replace(
            "\"architecture\": \"batchtopk\"", "\"architecture\": \"matryoshka_batchtopk\""));
    try (SparseAutoencoder autoencoder = SparseAutoencoder.load(model.executor(), directory)) {
      SparseAutoencoderTest.assertDoes(
          SafetensorsFile.read(files.resolve("expected.safetensors")), autoencoder);
    }
  }

  /** Names of before version 6, with a factor that was not used. */
  @Test
  void readsOldFiles() throws IOException {
    Path files = DictionaryFixtures.path("standard");
    writeWeights(files, "scaling_factor", ones(40));
    Files.writeString(
        directory.resolve("cfg.json"),
        """
        {"d_in": 12, "d_sae": 40, "hook_point": "blocks.1.hook_resid_post",
         "activation_fn_str": "relu", "normalize_activations": false}\
        """);
    try (SparseAutoencoder autoencoder = SparseAutoencoder.load(model.executor(), directory)) {
      assertEquals("blocks.1.hook_resid_post", autoencoder.config().hookIn());
      SparseAutoencoderTest.assertDoes(
          SafetensorsFile.read(files.resolve("expected.safetensors")), autoencoder);
    }
  }

  /** As SAELens reads them: a bias that inputs do not have is not in outputs either. */
  @Test
  void readsMatchingPursuitWithoutLimitsAndBias() throws IOException {
    Path files = DictionaryFixtures.path("matching-pursuit");
    Path weights = Path.of("sae_weights.safetensors");
    Files.copy(files.resolve(weights), directory.resolve(weights));
    String config =
        Files.readString(files.resolve("cfg.json"))
            .replaceFirst("\"max_iterations\": 6", "\"max_iterations\": null")
            .replaceFirst("\"residual_threshold\": 3.0", "\"residual_threshold\": -1")
            .replaceFirst(
                "\"stop_on_duplicate_support\": true", "\"stop_on_duplicate_support\": false")
            .replaceFirst("\"apply_b_dec_to_input\": true", "\"apply_b_dec_to_input\": false");
    Files.writeString(directory.resolve("cfg.json"), config);
    try (SparseAutoencoder autoencoder = SparseAutoencoder.load(model.executor(), directory)) {
      assertEquals(new MatchingPursuit(0, 12, false), autoencoder.config().pursuit());
      assertArrayEquals(new float[12], autoencoder.bias());
      assertThrows(InvalidInputException.class, () -> autoencoder.inputDirection(0));
    }
    Files.writeString(
        directory.resolve("cfg.json"),
        config.replace("\"residual_threshold\": -1", "\"residual_threshold\": \"none\""));
    assertFault("key 'residual_threshold' \"none\": must be a number");
  }

  private static float[] ones(int n) {
    var ones = new float[n];
    Arrays.fill(ones, 1);
    return ones;
  }

  /** Writes the weights of other files, with one tensor added or replaced. */
  private void writeWeights(Path source, String name, float[] values) throws IOException {
    SafetensorsFile file = SafetensorsFile.read(source.resolve("sae_weights.safetensors"));
    Map<String, float[]> tensors = new LinkedHashMap<>();
    file.names().forEach(tensor -> tensors.put(tensor, file.floats(tensor)));
    tensors.put(name, values);
    List<Entry> entries =
        tensors.entrySet().stream()
            .map(
                tensor ->
                    new Entry(
                        tensor.getKey(),
                        Dtype.F32,
                        file.names().contains(tensor.getKey())
                            ? file.shape(tensor.getKey())
                            : List.of((long) tensor.getValue().length)))
            .toList();
    Path target = directory.resolve("sae_weights.safetensors");
    try (var writer = SafetensorsWriter.create(target, entries, Map.of())) {
      for (var tensor : tensors.entrySet()) {
        writer.write(tensor.getKey(), tensor.getValue());
      }
      writer.finish();
    }
  }

  @ParameterizedTest
  @CsvSource({"scaling_factor, 2", "W_other, 1", "b_dec, NaN"})
  void reportsInvalidTensors(String name, float value) throws IOException {
    Path source = DictionaryFixtures.path("topk");
    var values = new float[name.equals("b_dec") ? 12 : 40];
    Arrays.fill(values, value);
    writeWeights(source, name, values);
    Files.copy(source.resolve("cfg.json"), directory.resolve("cfg.json"));
    assertFault(name);
  }

  private void assertFault(String expected) {
    var e =
        assertThrows(
            RuntimeException.class,
            () -> SparseAutoencoder.load(model.executor(), directory).close());
    assertTrue(e instanceof ModelFileException || e instanceof UnsupportedModelException);
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"architecture\": \"topk\" | \"architecture\": \"temporal\" | temporal",
        "\"k\": 5 | \"k\": 0 | must be an integer from 1",
        "\"d_in\": 12 | \"d_in\": 13 | must be [13]",
        "\"d_in\": 12 | \"other\": 12 | key 'd_in': is missing",
        "constant_norm_rescale | covariance_whitening | folds others",
        "\"constant_norm_rescale\" | true | expected_average_only_in",
      })
  void reportsInvalidFiles(String from, String to, String expected) throws IOException {
    DictionaryFixtures.copy("topk", directory);
    DictionaryFixtures.replace(directory.resolve("cfg.json"), from, to);
    assertFault(expected);
  }
}

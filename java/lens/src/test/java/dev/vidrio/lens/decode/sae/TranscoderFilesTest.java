package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Transcoders that circuit-tracer and sparsify wrote, with what these programs compute. */
class TranscoderFilesTest {
  private static final float TOLERANCE = 1e-4f;

  @TempDir static Path models;
  @TempDir Path directory;

  private static Model model;
  private static Lens lens;

  /** With norms of gain and bias before its feed-forward blocks. */
  @BeforeAll
  static void open() throws IOException {
    model = Model.open(TinyModels.write(models.resolve("gpt2.gguf"), "gpt2"));
    lens = Lens.of(model);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  /**
   * Returns the row that a norm's gain and bias map to x: programs read x, and Vidrio the point
   * before both.
   */
  private static float[] beforeGain(BlockInput input, float[] x) {
    float[] gain = Objects.requireNonNull(input.gain());
    float[] bias = Objects.requireNonNull(input.bias());
    float[] before = x.clone();
    for (int j = 0; j < x.length; j++) {
      before[j] = (x[j] - bias[j]) / gain[j];
    }
    return before;
  }

  private static void assertDoes(
      SafetensorsFile expected, SparseAutoencoder transcoder, int layer) {
    BlockInput input = BlockInput.of(lens, "file", layer, BlockInput.MODULE_INPUT);
    float[][] x = expected.rows("x");
    for (int i = 0; i < x.length; i++) {
      float[] before = beforeGain(input, x[i]);
      Features features = transcoder.encode(before);
      float[] row = expected.rows("features")[i];
      for (int f = 0; f < row.length; f++) {
        assertEquals(row[f], features.of(f), TOLERANCE);
      }
      assertArrayEquals(expected.rows("output")[i], transcoder.decode(features, before), TOLERANCE);
    }
    assertEquals("blocks." + layer + ".ln2.hook_normalized", transcoder.config().hookIn());
    assertEquals("blocks." + layer + ".hook_mlp_out", transcoder.config().hookOut());
    assertTrue(transcoder.config().skip());
  }

  /** A row of W_in, folded, gives the block's pre-activations from the point before the gain. */
  @Test
  void gainAndBiasAreThoseOfTheModel() {
    var normalized = new HookPoint(HookSite.LN2_NORMALIZED, 1);
    var pre = new HookPoint(HookSite.PRE, 1);
    BlockInput input = BlockInput.of(lens, "file", 1, BlockInput.MODULE_INPUT);
    assertEquals(normalized, input.point());
    float[][] matrix = ModelMatrices.of(lens).rows(pre, 0, 32);
    float[][] neuron = {MatrixProduct.transposed(matrix)[7]};
    input.fold(neuron);
    try (ActivationCache cache =
        lens.run(new int[] {5, 9, 2, 7}, Capture.of(normalized + "," + pre))) {
      float[] difference =
          Vectors.minus(cache.get(normalized).row(2), cache.get(normalized).row(3));
      // The difference of two tokens does not have biases.
      double expected = cache.get(pre).at(2, 7) - cache.get(pre).at(3, 7);
      assertEquals(expected, Vectors.dot(neuron[0], difference), 1e-3);
    }
  }

  @Test
  void matchesCircuitTracer() throws IOException {
    Path files = DictionaryFixtures.path("circuit-tracer");
    List<SparseAutoencoder> opened = TranscoderFiles.open(lens, files);
    try {
      assertEquals(2, opened.size());
      assertEquals(SaeConfig.Activation.JUMPRELU, opened.getFirst().config().activation());
      assertEquals(SaeConfig.Activation.RELU, opened.getLast().config().activation());
      for (int l = 0; l < 2; l++) {
        Path expected = files.resolve("expected_" + l + ".safetensors");
        assertDoes(SafetensorsFile.read(expected), opened.get(l), l);
      }
    } finally {
      opened.forEach(SparseAutoencoder::close);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sparsify", "sparsify/layers.1.mlp"})
  void matchesSparsify(String name) throws IOException {
    Path files = DictionaryFixtures.path(name);
    List<SparseAutoencoder> opened = TranscoderFiles.open(lens, files);
    try {
      assertEquals(1, opened.size());
      Path expected = DictionaryFixtures.path("sparsify/layers.1.mlp/expected.safetensors");
      assertDoes(SafetensorsFile.read(expected), opened.getFirst(), 1);
    } finally {
      opened.forEach(SparseAutoencoder::close);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "feature_input_hook: | other: | feature_input_hook': is missing",
        "mlp.hook_in | hook_q_input | hook_q_input",
        "mlp.hook_out | hook_resid_post | output hook_resid_post",
        "model_kind | activation: topk # | activation' topk",
      })
  void reportsInvalidConfigurations(String from, String to, String expected) throws IOException {
    DictionaryFixtures.copy("circuit-tracer", directory);
    DictionaryFixtures.replace(directory.resolve("config.yaml"), from, to);
    assertFault(expected);
  }

  @Test
  void reportsMissingAndForeignFiles() throws IOException {
    assertFault("no cfg.json");
    DictionaryFixtures.copy("circuit-tracer", directory);
    Files.delete(directory.resolve("config.yaml"));
    assertFault("no such file");
    copyConfig();
    Path other = DictionaryFixtures.path("skip-transcoder/sae_weights.safetensors");
    Files.copy(other, directory.resolve("layer_2.safetensors"));
    assertFault("must be below 2");
    Path first = directory.resolve("layer_0.safetensors");
    Files.copy(other, first, StandardCopyOption.REPLACE_EXISTING);
    assertFault("'b_enc'");
  }

  private void copyConfig() throws IOException {
    Files.copy(
        DictionaryFixtures.path("circuit-tracer/config.yaml"), directory.resolve("config.yaml"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"transcode\": true | \"transcode\": false | transcode' false",
        "\"activation\": \"topk\" | \"activation\": \"groupmax\" | groupmax",
        "\"k\": 5 | \"k\": 25 | must be 1 to 24",
        "\"transcode\": true | \"transcode\": true, \"embed_skip\": true | embed_skip",
      })
  void reportsInvalidSparsifyFiles(String from, String to, String expected) throws IOException {
    Path block = Files.createDirectory(directory.resolve("layers.1.mlp"));
    DictionaryFixtures.copy("sparsify/layers.1.mlp", block);
    DictionaryFixtures.replace(block.resolve("cfg.json"), from, to);
    assertFault(expected);
    Files.move(block, directory.resolve("attention"));
    assertFault("such as layers.3.mlp");
  }

  private void assertFault(String expected) {
    var e =
        assertThrows(
            RuntimeException.class,
            () -> TranscoderFiles.open(lens, directory).forEach(SparseAutoencoder::close));
    assertTrue(
        e instanceof ModelFileException
            || e instanceof UnsupportedModelException
            || e instanceof InvalidInputException,
        e.toString());
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }
}

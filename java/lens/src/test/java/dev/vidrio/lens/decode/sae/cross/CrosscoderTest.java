package dev.vidrio.lens.decode.sae.cross;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.decode.sae.DictionaryFixtures;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.vector.Vectors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Crosscoders that dictionary_learning wrote, with what this program computes. */
class CrosscoderTest {
  private static final int D = 32;

  /** Tolerance of values of magnitude 1 to 10: sums of f32 in another order. */
  private static final float TOLERANCE = 1e-4f;

  private static Executor executor;

  @TempDir Path directory;

  @BeforeAll
  static void openExecutor() {
    executor = NativeExecutor.create();
  }

  @AfterAll
  static void closeExecutor() {
    executor.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"crosscoder", "crosscoder-batchtopk", "crosscoder-normalized"})
  void matchesDictionaryLearning(String name) throws IOException {
    Path files = DictionaryFixtures.path(name);
    SafetensorsFile expected = SafetensorsFile.read(files.resolve("expected.safetensors"));
    float[][] x = expected.rows("x");
    float[][] rows = expected.rows("features");
    float[][] outputs = expected.rows("output");
    assertTrue(Crosscoder.isIn(files));
    try (Crosscoder crosscoder = Crosscoder.open(executor, files)) {
      assertEquals(2, crosscoder.activations());
      assertEquals(D, crosscoder.width());
      assertEquals(24, crosscoder.features());
      assertEquals(List.of(), crosscoder.hooksIn());
      List<Features> features = crosscoder.encode(x);
      for (int i = 0; i < x.length; i++) {
        for (int f = 0; f < crosscoder.features(); f++) {
          assertEquals(rows[i][f], features.get(i).of(f), TOLERANCE, "feature " + f);
        }
        float[][] decoded = crosscoder.decode(features.get(i));
        assertArrayEquals(Arrays.copyOf(outputs[i], D), decoded[0], TOLERANCE);
        assertArrayEquals(Arrays.copyOfRange(outputs[i], D, 2 * D), decoded[1], TOLERANCE);
      }
    }
  }

  @Test
  void computesNorms() throws IOException {
    Path files = DictionaryFixtures.path("crosscoder");
    SafetensorsFile weights = SafetensorsFile.read(files.resolve("model.safetensors"));
    float[][] rows = weights.rows("decoder.weight");
    try (Crosscoder crosscoder = Crosscoder.open(executor, files)) {
      double first = Vectors.norm(rows[5]);
      double second = Vectors.norm(rows[24 + 5]);
      assertArrayEquals(new double[] {first, second}, crosscoder.norms(5), 1e-6);
      assertEquals(second / (first + second), crosscoder.relativeNorm(5), 1e-6);
      assertArrayEquals(rows[24 + 5], crosscoder.direction(5));
      assertThrows(InvalidInputException.class, () -> crosscoder.norms(24));
      assertThrows(InvalidInputException.class, () -> crosscoder.encode(new float[1][D]));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"SAE\" | \"MIXED\" | code_normalization' MIXED",
        "\"SAE\" | \"SAE\", \"encoder_layers\": [0] | encoder_layers",
        "{ | [ | config.json",
      })
  void reportsInvalidConfigurations(String from, String to, String expected) throws IOException {
    DictionaryFixtures.copy("crosscoder-normalized", directory);
    DictionaryFixtures.replace(directory.resolve("config.json"), from, to);
    assertFault(expected);
  }

  @Test
  void reportsInvalidWeights() throws IOException {
    assertFalse(Crosscoder.isIn(directory));
    DictionaryFixtures.copy("crosscoder", directory);
    Path weights = directory.resolve("model.safetensors");
    Files.delete(weights);
    Files.copy(DictionaryFixtures.path("crosscoder/expected.safetensors"), weights);
    assertFault("'encoder.weight'");
    Files.write(weights, new byte[4]);
    assertFault("model.safetensors");
  }

  private void assertFault(String expected) {
    var e =
        assertThrows(RuntimeException.class, () -> Crosscoder.open(executor, directory).close());
    assertTrue(
        e instanceof ModelFileException || e instanceof UnsupportedModelException, e.toString());
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }
}

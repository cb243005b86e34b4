package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cross-layer transcoder that circuit-tracer wrote, with what this program computes. */
class CrossLayerTranscoderTest {
  private static final float TOLERANCE = 1e-4f;
  private static final int LAYERS = 2;
  private static final int TOKENS = 5;

  @TempDir static Path models;
  @TempDir Path directory;

  private static Model model;
  private static Lens lens;

  @BeforeAll
  static void open() throws IOException {
    model = Model.open(TinyModels.write(models.resolve("qwen2.gguf"), "qwen2"));
    lens = Lens.of(model);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @Test
  void matchesCircuitTracer() throws IOException {
    Path files = DictionaryFixtures.path("cross-layer");
    SafetensorsFile expected = SafetensorsFile.read(files.resolve("expected.safetensors"));
    float[][] x = DictionaryFixtures.rows(expected, "x");
    float[][] rows = DictionaryFixtures.rows(expected, "features");
    float[][] outputs = DictionaryFixtures.rows(expected, "output");
    assertTrue(CrossLayerTranscoder.isIn(files));
    try (CrossLayerTranscoder transcoder = CrossLayerTranscoder.open(lens, files)) {
      assertEquals(LAYERS, transcoder.layers());
      assertEquals("blocks.1.hook_resid_mid", transcoder.input(1).name());
      var sums = new float[outputs.length][];
      Arrays.setAll(sums, i -> transcoder.bias(i / TOKENS));
      for (int l = 0; l < LAYERS; l++) {
        float[][] inputs = Arrays.copyOfRange(x, l * TOKENS, (l + 1) * TOKENS);
        List<Features> features = transcoder.encode(l, inputs);
        for (int i = 0; i < TOKENS; i++) {
          for (int f = 0; f < transcoder.features(l); f++) {
            float value = features.get(i).of(f);
            assertEquals(rows[l * TOKENS + i][f], value, TOLERANCE);
            float[][] directions = transcoder.directions(l, f);
            for (int m = 0; m < directions.length; m++) {
              Vectors.add(sums[(l + m) * TOKENS + i], value, directions[m]);
            }
          }
        }
      }
      for (int i = 0; i < outputs.length; i++) {
        assertArrayEquals(outputs[i], sums[i], TOLERANCE);
      }
    }
  }

  /** The program's defaults are those of the file. */
  @Test
  void opensWithoutConfiguration() throws IOException {
    DictionaryFixtures.copy("cross-layer", directory);
    Files.delete(directory.resolve("config.yaml"));
    try (CrossLayerTranscoder transcoder = CrossLayerTranscoder.open(lens, directory)) {
      assertEquals("blocks.0.hook_resid_mid", transcoder.input(0).name());
      assertEquals("blocks.0.hook_mlp_out", transcoder.output(0).name());
      assertThrows(InvalidInputException.class, () -> transcoder.directions(0, 24));
      assertThrows(InvalidInputException.class, () -> transcoder.inputDirection(2, 0));
    }
  }

  @Test
  void reportsInvalidFiles() throws IOException {
    assertFalse(CrossLayerTranscoder.isIn(directory));
    DictionaryFixtures.copy("cross-layer", directory);
    Path encoder = directory.resolve("W_enc_1.safetensors");
    Path decoder = directory.resolve("W_dec_1.safetensors");
    Path away = directory.resolve("away");
    Files.move(decoder, away);
    assertFault("no such file");
    Files.copy(directory.resolve("W_dec_0.safetensors"), decoder);
    assertFault("tensor 'W_dec_1': is missing");
    Files.delete(decoder);
    Files.move(away, decoder);
    Files.move(encoder, away);
    assertFault("must be 2, as in the model");
  }

  private void assertFault(String expected) {
    var e =
        assertThrows(
            ModelFileException.class, () -> CrossLayerTranscoder.open(lens, directory).close());
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }
}

package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TunedLensTest extends BardTest {
  private static final String POINTS = "*.hook_resid_post";
  private static final HookPoint FIRST = new HookPoint(HookSite.RESID_POST, 0);

  private static final Path PUBLISHED = Path.of("src/test/resources/dev/vidrio/lens/decode/tuned");

  @TempDir Path directory;

  private final int[] text =
      model.tokenizer().encode("To be, or not to be: that is the question. The king and queen");

  private double mean(LogitLens lens, int row) {
    return lens.cells().get(row).stream()
        .skip(1)
        .mapToDouble(LogitLens.Cell::divergence)
        .average()
        .orElseThrow();
  }

  private static double value(Map<HookPoint, Double> values, HookPoint point) {
    return Objects.requireNonNull(values.get(point));
  }

  /** Translators of zeros give the logit lens, bit for bit. */
  @Test
  void zerosEqualLogitLens() {
    TunedLens zeros = TunedLens.zeros(lens.points(POINTS), 256, 0);
    assertEquals(
        LogitLens.of(lens, text, Capture.of(POINTS), 5),
        LogitLens.of(lens, text, Capture.of(POINTS), 5, zeros));
  }

  /** Training lowers the divergence of every layer, on a text that it did not see too. */
  @Test
  @Tag("long")
  void trainingBringsLayersNearer() {
    List<int[]> texts = new ArrayList<>();
    for (String line :
        List.of(
            "KING. My lord, the queen is come to speak with you and with your noble son.",
            "What is the matter? Speak, good friend, and tell the king of all this news.",
            "O, let me not be mad, not mad, sweet heaven! Keep me in temper.",
            "Now is the winter of our discontent made glorious summer by this sun.",
            "The quality of mercy is not strained; it droppeth as the gentle rain.",
            "All the world is a stage, and all the men and women merely players.")) {
      texts.add(model.tokenizer().encode(line));
    }
    LogitLens before = LogitLens.of(lens, text, Capture.of(POINTS), 1);
    try (var trainer =
        new TunedLensTrainer(lens, POINTS, TunedLensTrainer.RATE, 10 * texts.size())) {
      Map<HookPoint, Double> first = trainer.run(texts);
      for (int i = 0; i < 8; i++) {
        trainer.run(texts);
      }
      Map<HookPoint, Double> last = trainer.run(texts);
      assertEquals(3, last.size());
      last.forEach(
          (point, value) -> assertTrue(value < 0.7 * value(first, point), point + " " + last));
      LogitLens after = LogitLens.of(lens, text, Capture.of(POINTS), 1, trainer.tuned());
      for (int row = 0; row < 3; row++) {
        assertTrue(mean(after, row) < mean(before, row), "layer " + row);
        HookPoint point = before.points().get(row);
        assertEquals(mean(after, row), value(trainer.evaluate(text), point) / Math.log(2), 1e-3);
      }
      // There is nothing to translate after the last layer.
      assertEquals(before.cells().get(3), after.cells().get(3));
    }
  }

  @Test
  void isSavedAndLoaded() throws IOException {
    Path file = directory.resolve("tuned.safetensors");
    try (var trainer = new TunedLensTrainer(lens, "blocks.0-1.hook_resid_post", 0.05, 1)) {
      trainer.run(List.of(text));
      trainer.tuned().save(file, "bard");
      TunedLens loaded = TunedLens.load(lens, file);
      assertEquals(trainer.tuned().points(), loaded.points());
      try (ActivationCache cache = lens.run(text, Capture.of(FIRST.name()))) {
        float[] x = cache.get(FIRST).row(3);
        assertArrayEquals(trainer.tuned().of(FIRST, x), loaded.of(FIRST, x));
      }
    }
  }

  /** The program tuned-lens gives the logits of these translators, which it wrote. */
  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama"})
  void loadsDirectoryOfTunedLens(String name) throws IOException {
    Path published = PUBLISHED.resolve(name);
    SafetensorsFile expected = SafetensorsFile.read(published.resolve("expected.safetensors"));
    int[] tokens = expected.ints("tokens");
    float[] logits = expected.floats("logits");
    Path file = TinyModels.write(directory.resolve(name + ".gguf"), name);
    try (Model tiny = Model.open(file);
        Unembedding unembedding = Unembedding.of(tiny)) {
      Lens own = Lens.of(tiny);
      TunedLens loaded = TunedLens.load(own, published);
      int vocabulary = tiny.architecture().vocabulary();
      int layers = tiny.architecture().layers();
      assertEquals(2 * layers - 1, loaded.points().size());
      for (HookPoint point : loaded.points()) {
        int index = point.layer() + (point.site() == HookSite.RESID_POST ? 1 : 0);
        try (ActivationCache cache = own.run(tokens, Capture.of(point.name()))) {
          for (int i = 0; i < tokens.length; i++) {
            float[] stream = loaded.of(point, cache.get(point).row(i));
            float[] row = unembedding.logits(new float[][] {stream})[0];
            int from = (index * tokens.length + i) * vocabulary;
            float[] truth = Arrays.copyOfRange(logits, from, from + vocabulary);
            float tolerance = (float) (1e-5 * Vectors.norm1(truth) / vocabulary);
            assertArrayEquals(truth, row, tolerance, point.name());
          }
        }
      }
    }
  }

  @Test
  void rejectsOtherDirectories() throws IOException {
    String[] configs = {
      "{\"d_model\": 8, \"num_hidden_layers\": 4}",
      "{\"d_model\": 256, \"num_hidden_layers\": 5}",
      "{\"d_model\": 256, \"num_hidden_layers\": 4, \"lens_type\": \"other\"}",
      "{\"d_model\": 256, \"num_hidden_layers\": 4}",
    };
    String[] messages = {"d_model", "num_hidden_layers", "lens_type", "torch.load('params.pt'"};
    Files.writeString(directory.resolve("params.pt"), "pickled");
    for (int i = 0; i < configs.length; i++) {
      Files.writeString(directory.resolve("config.json"), configs[i]);
      var e = assertThrows(ModelException.class, () -> TunedLens.load(lens, directory));
      assertTrue(String.valueOf(e.getMessage()).contains(messages[i]), e.getMessage());
    }
  }

  /** A lens of the prediction two tokens later is nearer to it than a lens of the next token. */
  @Test
  @Tag("long")
  void trainsFutureLens() throws IOException {
    List<int[]> texts = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      texts.add(Arrays.copyOfRange(text, i, text.length));
    }
    Path file = directory.resolve("future.safetensors");
    try (var trainer = new TunedLensTrainer(lens, POINTS, 0.05, 20 * texts.size(), 2)) {
      assertEquals(4, trainer.tuned().points().size());
      LogitLens plain = LogitLens.of(lens, text, Capture.of(POINTS), 1, trainer.tuned());
      for (int i = 0; i < 20; i++) {
        trainer.run(texts);
      }
      trainer.tuned().save(file, "bard");
      TunedLens loaded = TunedLens.load(lens, file);
      assertEquals(2, loaded.ahead());
      LogitLens read = LogitLens.of(lens, text, Capture.of(POINTS), 1, loaded);
      LogitLens part = LogitLens.of(lens, text, Capture.of(POINTS).positions(3, 6), 1, loaded);
      int n = text.length;
      for (int row = 0; row < 4; row++) {
        double before = 0;
        double after = 0;
        for (int i = 1; i < n - 2; i++) {
          before += plain.cells().get(row).get(i).divergence() / (n - 3);
          after += read.cells().get(row).get(i).divergence() / (n - 3);
        }
        assertTrue(after < 0.7 * before, after + " of " + before);
        double trained = value(trainer.evaluate(text), read.points().get(row)) / Math.log(2);
        assertEquals(trained, after, 1e-3);
        assertEquals(-1, read.cells().get(row).get(n - 2).rank());
        assertTrue(Double.isNaN(read.cells().get(row).get(n - 1).divergence()));
        assertEquals(read.cells().get(row).subList(3, 6), part.cells().get(row));
      }
      assertThrows(InvalidInputException.class, () -> trainer.evaluate(new int[3]));
    }
    assertThrows(
        InvalidInputException.class, () -> new TunedLensTrainer(lens, POINTS, 0.1, 1, -1).close());
  }

  @Test
  void reportsInvalidInput() throws IOException {
    assertThrows(
        InvalidInputException.class, () -> new TunedLensTrainer(lens, POINTS, 0, 1).close());
    assertThrows(
        InvalidInputException.class, () -> new TunedLensTrainer(lens, POINTS, 0.1, 0).close());
    assertThrows(
        InvalidInputException.class,
        () -> new TunedLensTrainer(lens, "blocks.3.hook_resid_post", 0.1, 1).close());
    assertThrows(
        InvalidInputException.class, () -> new TunedLensTrainer(lens, "*.hook_z", 0.1, 1).close());
    Path file = directory.resolve("other.safetensors");
    new TunedLens(Map.of(FIRST, new float[9][8]), 0).save(file, "other");
    assertThrows(ModelFileException.class, () -> TunedLens.load(lens, file));
    int d = model.architecture().width();
    var rows = new float[d + 1][d];
    rows[d][3] = Float.NaN;
    new TunedLens(Map.of(FIRST, rows), 0).save(file, "not finite");
    var e = assertThrows(ModelFileException.class, () -> TunedLens.load(lens, file));
    assertTrue(String.valueOf(e.getMessage()).contains("element 3"), e.getMessage());
    try (var trainer = new TunedLensTrainer(lens, POINTS, 0.1, 1)) {
      assertThrows(InvalidInputException.class, () -> trainer.run(List.of(new int[1])));
      trainer.run(List.of(text));
      assertThrows(InvalidInputException.class, () -> trainer.run(List.of(text)));
    }
  }
}

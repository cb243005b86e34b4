package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.LogitLens;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TunedLensTest extends BardTest {
  private static final String POINTS = "*.hook_resid_post";
  private static final HookPoint FIRST = new HookPoint(HookSite.RESID_POST, 0);

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
    TunedLens zeros = TunedLens.zeros(lens.points(POINTS), 256);
    assertEquals(
        LogitLens.of(lens, text, Capture.of(POINTS), 5),
        LogitLens.of(lens, text, Capture.of(POINTS), 5, zeros));
  }

  /** Training lowers the divergence of every layer, on a text that it did not see too. */
  @Test
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
    try (var trainer = new TunedLensTrainer(lens, POINTS, TunedLensTrainer.RATE)) {
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
    try (var trainer = new TunedLensTrainer(lens, "blocks.0-1.hook_resid_post", 0.05)) {
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

  @Test
  void reportsInvalidInput() throws IOException {
    assertThrows(InvalidInputException.class, () -> new TunedLensTrainer(lens, POINTS, 0).close());
    assertThrows(
        InvalidInputException.class,
        () -> new TunedLensTrainer(lens, "blocks.3.hook_resid_post", 0.1).close());
    assertThrows(
        InvalidInputException.class, () -> new TunedLensTrainer(lens, "*.hook_z", 0.1).close());
    Path file = directory.resolve("other.safetensors");
    new TunedLens(Map.of(FIRST, new float[9][8])).save(file, "other");
    assertThrows(ModelFileException.class, () -> TunedLens.load(lens, file));
    int d = model.architecture().width();
    var rows = new float[d + 1][d];
    rows[d][3] = Float.NaN;
    new TunedLens(Map.of(FIRST, rows)).save(file, "not finite");
    var e = assertThrows(ModelFileException.class, () -> TunedLens.load(lens, file));
    assertTrue(String.valueOf(e.getMessage()).contains("element 3"), e.getMessage());
    try (var trainer = new TunedLensTrainer(lens, POINTS, 0.1)) {
      assertThrows(InvalidInputException.class, () -> trainer.run(List.of(new int[1])));
    }
  }
}

package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InputSearchTest extends F32BardTest {
  private static final ScalarFeature.Element NEURON =
      new ScalarFeature.Element(new HookPoint(HookSite.POST, 1), 17);

  @TempDir Path directory;

  private static int[] append(int[] before, int... tokens) {
    int[] all = Arrays.copyOf(before, before.length + tokens.length);
    System.arraycopy(tokens, 0, all, before.length, tokens.length);
    return all;
  }

  private static float activation(int[] tokens) {
    return activation(lens, tokens);
  }

  private static float activation(Lens of, int[] tokens) {
    try (ActivationCache cache = of.run(tokens, Capture.of(NEURON.point().name()))) {
      return NEURON.values(cache)[tokens.length - 1];
    }
  }

  /** With all tokens as candidates and trials, one token is found by looking at all. */
  @Test
  void findsBestSingleToken() throws IOException {
    try (Model tiny = Model.open(TinyModels.write(directory.resolve("model.gguf"), "llama"))) {
      Lens of = Lens.of(tiny);
      int[] before = {5, 9};
      int vocabulary = tiny.architecture().vocabulary();
      double best = Double.NEGATIVE_INFINITY;
      int token = -1;
      for (int w = 0; w < vocabulary; w++) {
        double value = activation(of, append(before, w));
        if (!tiny.tokenizer().isSpecial(w) && value > best) {
          best = value;
          token = w;
        }
      }
      var options = new InputSearch.Options(1, 5, vocabulary, vocabulary, 0);
      InputSearch found = InputSearch.of(of, before, NEURON, options);
      assertEquals(token, found.tokens().getFirst());
      assertEquals(best, found.value());
    }
  }

  /** With as many runs, random texts do not come near. */
  @Test
  @Tag("long")
  void exceedsRandomTexts() {
    int[] before = model.tokenizer().encode("");
    var options = new InputSearch.Options(3, 20, 32, 16, 1);
    InputSearch found = InputSearch.of(lens, before, NEURON, options);
    int[] text = append(before, found.tokens().stream().mapToInt(Integer::intValue).toArray());
    assertEquals(activation(text), found.value(), 1e-6);
    double last = Double.NEGATIVE_INFINITY;
    for (double value : found.steps()) {
      assertTrue(value > last, found.steps().toString());
      last = value;
    }
    var random = new Random(5);
    double best = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < 20 * 16; i++) {
      int[] drawn = random.ints(3, 1, model.architecture().vocabulary()).toArray();
      best = Math.max(best, activation(append(before, drawn)));
    }
    assertTrue(found.value() > best, found.value() + " against " + best);
  }

  @Test
  void raisesMetricOfPrediction() {
    int[] before = model.tokenizer().encode("The");
    int token = model.tokenizer().encode(" king")[before.length - 1];
    Metric metric = Metric.logit(token);
    var options = new InputSearch.Options(2, 10, 32, 16, 0);
    InputSearch found = InputSearch.of(lens, before, Metric.logit(token), options);
    int[] text = append(before, found.tokens().stream().mapToInt(Integer::intValue).toArray());
    assertEquals(metric.of(lens, text), found.value(), 1e-6);
    assertTrue(found.value() > found.steps().getFirst() + 1, found.steps().toString());
    assertTrue(found.tokens().stream().noneMatch(model.tokenizer()::isSpecial));
  }

  @Test
  void rejectsInvalidSizes() {
    assertThrows(InvalidInputException.class, () -> new InputSearch.Options(0, 1, 1, 1, 0));
    var oversized = new InputSearch.Options(100_000, 1, 1, 1, 0);
    assertThrows(
        InvalidInputException.class, () -> InputSearch.of(lens, new int[0], NEURON, oversized));
    assertThrows(
        InvalidInputException.class,
        () ->
            InputSearch.of(
                lens,
                new int[0],
                Metric.logProbability(new int[] {5, 6}),
                InputSearch.Options.DEFAULT));
  }
}

package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Activations of encoders against transformers, which wrote them with tiny random models. */
class EncoderLensTest {
  private static final Path DIRECTORY =
      Path.of("../model/src/test/resources/dev/vidrio/model/encoder");

  /** Some roundings of 2⁻²⁴ in each layer, as of hidden states. */
  private static final double TOLERANCE = 1e-5;

  private static SafetensorsFile expected(String name) throws IOException {
    return SafetensorsFile.read(DIRECTORY.resolve(name).resolve("expected.safetensors"));
  }

  private static void assertClose(float[] expected, float[] actual) {
    assertEquals(expected.length, actual.length);
    double largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], TOLERANCE * largest);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "roberta",
        "distilbert",
        "mpnet",
        "modern-bert",
        "eurobert",
        "gte",
        "gemma-embedding"
      })
  void activationsAreThoseOfTransformers(String name) throws IOException {
    SafetensorsFile expected = expected(name);
    try (Model model = Model.open(DIRECTORY.resolve(name));
        ActivationCache cache =
            Lens.ofActivations(model).run(expected.ints("tokens"), Capture.of("*"))) {
      int last = model.architecture().layers() - 1;
      assertClose(expected.floats("resid_pre"), cache.get(HookSite.RESID_PRE, last).toArray());
      assertClose(expected.floats("pattern"), cache.get(HookSite.PATTERN, last).toArray());
    }
  }

  /** Each layer has its own keys and values, although all share one layer of the cache. */
  @ParameterizedTest
  @ValueSource(strings = {"bert", "jina-bert-v2", "modern-bert", "gemma-embedding"})
  void patternsMixValuesOfTheirLayer(String name) throws IOException {
    Path file = DIRECTORY.resolve(name).resolve("model.gguf");
    try (Model model = Model.open(file);
        ActivationCache cache =
            Lens.ofActivations(model).run(expected(name).ints("tokens"), Capture.of("*.attn.*"))) {
      for (int l = 0; l < model.architecture().layers(); l++) {
        Activation pattern = cache.get(HookSite.PATTERN, l);
        Activation v = cache.get(HookSite.V, l);
        Activation z = cache.get(HookSite.Z, l);
        for (int h = 0; h < z.shape().get(1); h++) {
          double mixed = 0;
          for (int j = 0; j < pattern.shape().get(2); j++) {
            int group = z.shape().get(1) / v.shape().get(1);
            mixed += (double) pattern.at(h, 3, j) * v.at(j, h / group, 1);
          }
          assertEquals(mixed, z.at(3, h, 1), TOLERANCE * (1 + Math.abs(mixed)));
        }
      }
    }
  }

  @Test
  void editsChangeWhatFollows() throws IOException {
    int[] tokens = expected("bert").ints("tokens");
    try (Model model = Model.open(DIRECTORY.resolve("bert"))) {
      Lens lens = Lens.ofActivations(model);
      var out = new HookPoint(HookSite.ATTN_OUT, 0);
      try (ActivationCache cache =
          lens.run(tokens, Capture.of("blocks.0.*"), List.of(Intervention.zero(out)))) {
        assertArrayEquals(
            cache.get(HookSite.RESID_PRE, 0).toArray(), cache.get(HookSite.RESID_MID, 0).toArray());
      }
    }
  }

  @Test
  void rejectsEncodersWhereLogitsAreNeeded() {
    try (Model model = Model.open(DIRECTORY.resolve("bert"))) {
      assertThrows(UnsupportedModelException.class, () -> Lens.of(model));
    }
  }
}

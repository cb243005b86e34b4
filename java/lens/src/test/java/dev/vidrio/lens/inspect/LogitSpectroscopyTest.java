package dev.vidrio.lens.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.component.LogitProjection;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogitSpectroscopyTest {
  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** Vectors are orthonormal, and their logits are orthogonal with the singular values as norms. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "gpt2", "gemma2", "command-r", "granite"})
  void logitsOfVectorsAreOrthogonal(String name) throws IOException {
    try (Model model = open(name);
        var projection = new LogitProjection(model)) {
      LogitSpectrum spectrum = LogitSpectrum.of(model);
      int d = model.architecture().width();
      assertEquals(d, spectrum.size());
      var logits = new float[d][projection.vocabulary()];
      var inputs = new float[d][];
      for (int i = 0; i < d; i++) {
        inputs[i] = projection.normalized(spectrum.vector(i), 1);
      }
      projection.logits(
          inputs,
          (row, first, count, values) -> System.arraycopy(values, 0, logits[row], first, count));
      double largest = spectrum.value(0) * spectrum.value(0);
      for (int i = 0; i < d; i++) {
        assertTrue(i == 0 || spectrum.value(i) <= spectrum.value(i - 1));
        for (int j = 0; j <= i; j++) {
          double expected = i == j ? spectrum.value(i) * spectrum.value(i) : 0;
          assertEquals(expected, Vectors.dot(logits[i], logits[j]), 1e-5 * largest);
          double unit = Vectors.dot(spectrum.vector(i), spectrum.vector(j));
          assertEquals(i == j ? 1 : 0, unit, 1e-5);
        }
      }
    }
  }

  @Test
  void sharesAreProjections() throws IOException {
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      LogitSpectrum spectrum = LogitSpectrum.of(model);
      int[] tokens = {3, 1, 4, 1, 5};
      LogitSpectroscopy found =
          LogitSpectroscopy.of(lens, spectrum, tokens, Capture.of("*.hook_resid_post"), 5);
      var point = new HookPoint(HookSite.RESID_POST, 1);
      try (ActivationCache cache = lens.run(tokens, Capture.of(point.name()))) {
        float[] x = cache.get(point).row(2);
        double square = Vectors.dot(x, x);
        double total = 0;
        for (int band = 0; band < 5; band++) {
          double part = 0;
          for (int i = band * 32 / 5; i < (band + 1) * 32 / 5; i++) {
            part += Math.pow(Vectors.dot(spectrum.vector(i), x), 2);
          }
          double share = found.shares().get(1).get(2).get(band);
          assertEquals(part / square, share, 1e-6);
          total += share;
        }
        assertEquals(1, total, 1e-12);
      }
      double mean = 0;
      for (int i = 1; i < 5; i++) {
        mean += found.shares().getFirst().get(i).get(4) / 4;
      }
      assertEquals(mean, found.mean(0, 4), 1e-12);
    }
  }

  @Test
  void rejectsInvalidInput() throws IOException {
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      LogitSpectrum spectrum = LogitSpectrum.of(model);
      int[] tokens = {1, 2};
      Capture streams = Capture.of("*.hook_resid_post");
      assertThrows(
          InvalidInputException.class,
          () -> LogitSpectroscopy.of(lens, spectrum, tokens, streams, 33));
      assertThrows(
          InvalidInputException.class,
          () -> LogitSpectroscopy.of(lens, spectrum, tokens, Capture.of("*.hook_z"), 2));
      assertThrows(InvalidInputException.class, () -> spectrum.shares(new float[32], 0));
    }
  }
}

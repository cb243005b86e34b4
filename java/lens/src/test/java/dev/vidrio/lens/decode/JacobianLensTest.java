package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JacobianLensTest {
  private static final HookPoint FIRST = new HookPoint(HookSite.RESID_POST, 0);

  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** Returns the last residual streams, [n][d], after an addition at a point and position. */
  private static float[][] end(Lens lens, int[] tokens, HookPoint point, int i, float[] added) {
    HookPoint end = new HookPoint(HookSite.RESID_POST, lens.model().architecture().layers() - 1);
    List<Intervention> edits = List.of(Intervention.add(point, 1, added).position(i));
    try (ActivationCache cache = lens.run(tokens, Capture.of(end.name()), edits)) {
      return cache.get(end).rows();
    }
  }

  /** The products of Jacobians with random directions are central differences, within 1 %. */
  @ParameterizedTest
  @ValueSource(
      strings = {"llama", "gpt2", "gemma2", "phi2", "olmo2", "mixtral", "qwen3next", "bloom"})
  void equalsCentralDifferences(String name) throws IOException {
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      assumeTrue(Preconditions.hasOneStream(model));
      int d = model.architecture().width();
      List<int[]> texts = List.of(new int[] {3, 1, 4, 1, 5, 9}, new int[] {2, 7, 1, 8, 2, 8, 1});
      int skip = 2;
      JacobianLens fitted = JacobianLens.fit(lens, texts, "blocks.0.*resid*", skip, done -> {});
      var random = new Random(7);
      for (HookPoint point : fitted.points()) {
        var direction = new float[d];
        for (int e = 0; e < d; e++) {
          direction[e] = (float) random.nextGaussian();
        }
        var expected = new double[d];
        for (int[] tokens : texts) {
          int last = tokens.length - 1;
          for (int i = skip; i < last; i++) {
            float step = 1f / 512;
            float[][] up = end(lens, tokens, point, i, scaled(direction, step));
            float[][] down = end(lens, tokens, point, i, scaled(direction, -step));
            for (int later = skip; later < last; later++) {
              for (int j = 0; j < d; j++) {
                expected[j] +=
                    ((double) up[later][j] - down[later][j])
                        / (2 * step)
                        / (last - skip)
                        / texts.size();
              }
            }
          }
        }
        float[] product = fitted.of(point, direction);
        double error = 0;
        double size = 0;
        for (int j = 0; j < d; j++) {
          error += Math.pow(product[j] - expected[j], 2);
          size += Math.pow(expected[j], 2);
        }
        assertTrue(error < 1e-4 * size, point + " " + Math.sqrt(error / size));
      }
    }
  }

  private static float[] scaled(float[] x, float factor) {
    float[] y = x.clone();
    for (int e = 0; e < y.length; e++) {
      y[e] *= factor;
    }
    return y;
  }

  @Test
  void isSavedAndLoaded() throws IOException {
    Path file = directory.resolve("jacobian.safetensors");
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      int[] tokens = {3, 1, 4, 1, 5};
      JacobianLens fitted =
          JacobianLens.fit(lens, List.of(tokens), "*.hook_resid_post", 0, done -> {});
      fitted.save(file, "tiny");
      JacobianLens loaded = JacobianLens.load(lens, file);
      assertEquals(fitted.points(), loaded.points());
      assertArrayEquals(fitted.jacobian(FIRST), loaded.jacobian(FIRST));
      LogitLens read = LogitLens.of(lens, tokens, Capture.of("*.hook_resid_post"), 1, loaded);
      LogitLens plain = LogitLens.of(lens, tokens, Capture.of("*.hook_resid_post"), 1);
      assertEquals(plain.cells().getLast(), read.cells().getLast());
      assertTrue(!plain.cells().getFirst().equals(read.cells().getFirst()));
    }
  }

  /** Reads the tensors of a file of the program jlens, in half precision. */
  @Test
  void loadsPublishedTensors() throws IOException {
    Path file = directory.resolve("jlens.safetensors");
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      int d = model.architecture().width();
      var entries =
          List.of(new SafetensorsWriter.Entry("J.0", Dtype.F32, List.of((long) d, (long) d)));
      try (var writer = SafetensorsWriter.create(file, entries, Map.of())) {
        for (int j = 0; j < d; j++) {
          var row = new float[d];
          row[(j + 1) % d] = 2;
          writer.write("J.0", row);
        }
        writer.finish();
      }
      JacobianLens loaded = JacobianLens.load(lens, file);
      assertEquals(List.of(FIRST), loaded.points());
      var x = new float[d];
      x[1] = 3;
      assertEquals(6, loaded.of(FIRST, x)[0]);
    }
  }

  @Test
  void reportsInvalidInput() throws IOException {
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      List<int[]> texts = new ArrayList<>(List.of(new int[] {1, 2, 3}));
      assertThrows(
          InvalidInputException.class,
          () -> JacobianLens.fit(lens, texts, "*.hook_z", 0, done -> {}));
      assertThrows(
          InvalidInputException.class,
          () -> JacobianLens.fit(lens, List.of(), "*.hook_resid_post", 0, done -> {}));
      String message =
          assertThrows(
                  InvalidInputException.class,
                  () -> JacobianLens.fit(lens, texts, "*.hook_resid_post", 2, done -> {}))
              .getMessage();
      assertTrue(String.valueOf(message).contains("must have at least 4 tokens"), message);
      Path file = directory.resolve("lens.pt");
      Files.writeString(file, "x");
      String pickle =
          assertThrows(ModelFileException.class, () -> JacobianLens.load(lens, file)).getMessage();
      assertTrue(String.valueOf(pickle).contains("lens.safetensors"), pickle);
      Path other = directory.resolve("other.safetensors");
      TunedLens.zeros(List.of(FIRST), model.architecture().width(), 0).save(other, "tiny");
      assertThrows(ModelFileException.class, () -> JacobianLens.load(lens, other));
    }
  }
}

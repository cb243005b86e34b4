package dev.vidrio.lens.fact;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The end of feed-forward blocks in every architecture that has one matrix there. */
class FeedForwardPathTest {
  private static final int[] TOKENS = {3, 14, 15, 9, 26};

  @TempDir Path directory;

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void reachesOutputAndBack(String name) throws IOException {
    try (Model model = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens lens = Lens.of(model);
      for (int l = 0; l < model.architecture().layers(); l++) {
        FeedForwardPath path;
        try {
          path = FeedForwardPath.of(lens, l);
        } catch (InvalidInputException e) {
          assertTrue(e.getMessage().contains(" "), e.getMessage());
          continue;
        }
        check(lens, path);
      }
    }
  }

  private static void check(Lens lens, FeedForwardPath path) {
    String hooks = path.keys().name() + "," + path.output().name();
    try (ActivationCache cache = lens.run(TOKENS, Capture.of(hooks))) {
      float[] u = path.products(cache.get(path.keys()).rows())[2];
      float[] output = path.forward(u);
      float[] expected = cache.get(path.output()).row(2);
      for (int j = 0; j < output.length; j++) {
        assertEquals(expected[j], output[j], 1e-5 * (1 + Math.abs(expected[j])));
      }
      var random = new SplittableRandom(1);
      var gradient = new float[output.length];
      var direction = new float[u.length];
      for (int j = 0; j < gradient.length; j++) {
        gradient[j] = (float) random.nextDouble(-1, 1);
        direction[j] = (float) (random.nextDouble(-1, 1) * Vectors.norm(u) / u.length);
      }
      float[] more = u.clone();
      Vectors.add(more, 0.01f, direction);
      float[] less = u.clone();
      Vectors.add(less, -0.01f, direction);
      double difference =
          (Vectors.dot(gradient, path.forward(more)) - Vectors.dot(gradient, path.forward(less)))
              / 0.02;
      double slope = Vectors.dot(path.backward(u, gradient), direction);
      double size = Vectors.norm(gradient) * Vectors.norm(output) / Math.sqrt(output.length);
      assertEquals(difference, slope, 1e-2 * size, path.toString());
    }
  }
}

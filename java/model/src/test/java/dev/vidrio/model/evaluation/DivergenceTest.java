package dev.vidrio.model.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compares the divergence with its definition over probabilities. */
class DivergenceTest {
  private static final int N = 5;
  private static final int V = 37;

  @TempDir Path directory;

  private static float[] random(long seed) {
    var random = new SplittableRandom(seed);
    float[] values = new float[N * V];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (6 * random.nextDouble());
    }
    return values;
  }

  private Path write(String name, float[] logits, int... tokens) throws IOException {
    Path file = directory.resolve(name);
    long n = tokens.length;
    var entries =
        List.of(
            new Entry("logits", Dtype.F32, List.of(n, logits.length / n)),
            new Entry("tokens", Dtype.I32, List.of(n)));
    try (Arena arena = Arena.ofConfined();
        var writer = SafetensorsWriter.create(file, entries, Map.of())) {
      writer.write("logits", arena.allocateFrom(ValueLayout.JAVA_FLOAT, logits));
      writer.write("tokens", arena.allocateFrom(ValueLayout.JAVA_INT, tokens));
      writer.finish();
    }
    return file;
  }

  private static double[] softmax(float[] logits, int row) {
    double[] p = new double[V];
    double sum = 0;
    for (int w = 0; w < V; w++) {
      p[w] = Math.exp(logits[row * V + w]);
      sum += p[w];
    }
    for (int w = 0; w < V; w++) {
      p[w] /= sum;
    }
    return p;
  }

  private static int greatest(double[] values) {
    int best = 0;
    for (int w = 1; w < values.length; w++) {
      best = values[w] > values[best] ? w : best;
    }
    return best;
  }

  @Test
  void isTheMeanOverPositions() throws IOException {
    float[] reference = random(1);
    float[] candidate = random(2);
    System.arraycopy(reference, V, candidate, V, V);
    double[] kld = new double[N];
    int same = 0;
    for (int i = 0; i < N; i++) {
      double[] p = softmax(reference, i);
      double[] q = softmax(candidate, i);
      for (int w = 0; w < V; w++) {
        kld[i] += p[w] * Math.log(p[w] / q[w]);
      }
      same += greatest(p) == greatest(q) ? 1 : 0;
    }
    double mean = 0;
    for (double each : kld) {
      mean += each / N;
    }
    double variance = 0;
    for (double each : kld) {
      variance += (each - mean) * (each - mean) / N;
    }
    Divergence result =
        Divergence.of(write("p", reference, 1, 2, 3, 4, 5), write("q", candidate, 1, 2, 3, 4, 5));
    assertEquals(mean, result.mean(), 1e-12);
    assertEquals(Math.sqrt(variance / (N - 1)), result.error(), 1e-9);
    assertEquals(greatest(kld), result.maxPosition());
    assertEquals(kld[greatest(kld)], result.max(), 1e-12);
    assertEquals((double) same / N, result.sameTop());
    assertEquals(N, result.positions());
  }

  @Test
  void rejectsFilesOfOtherTokensOrShapes() throws IOException {
    Path reference = write("p", random(1), 1, 2, 3, 4, 5);
    for (Path other :
        List.of(write("q", random(1), 1, 2, 3, 4, 6), write("r", new float[4 * V], 1, 2, 3, 4))) {
      assertThrows(ModelFileException.class, () -> Divergence.of(reference, other));
    }
    assertThrows(
        ModelFileException.class, () -> Divergence.of(reference, directory.resolve("none")));
  }
}

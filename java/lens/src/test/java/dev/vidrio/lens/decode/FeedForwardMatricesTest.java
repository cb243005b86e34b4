package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.FeedForwardMatrices.Matrix;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Keys of neurons against what they compute in every architecture, and singular vectors. */
class FeedForwardMatricesTest {
  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** The inputs of neurons at two tokens differ by the products with their keys; biases cancel. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void keysGiveTheInputsOfNeurons(String name) throws IOException {
    int layer = TinyModels.has(name, Trait.ONE_SUBLAYER) ? 2 : 1;
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      if (lens.has(new HookPoint(HookSite.EXPERT_INDICES, layer))) {
        assertThrows(InvalidInputException.class, () -> FeedForwardMatrices.of(lens, layer));
        return;
      }
      FeedForwardMatrices block = FeedForwardMatrices.of(lens, layer);
      HookMap hooks = HookMap.of(model);
      HookPoint stream = hooks.beforeMlp(layer);
      try (ActivationCache one = lens.run(new int[] {7}, Capture.of("*"));
          ActivationCache other = lens.run(new int[] {11}, Capture.of("*"))) {
        for (Matrix matrix : block.matrices()) {
          if (matrix != Matrix.OUT) {
            HookPoint point = block.point(matrix);
            Optional<Op.Norm> norm = hooks.normBefore(point);
            float[][] keys = block.vectors(matrix);
            assertEquals(block.neurons(), keys.length);
            assertArrayEquals(keys[3], block.vector(matrix, 3));
            float[] x =
                Vectors.minus(
                    read(norm, one.get(stream).row(0)), read(norm, other.get(stream).row(0)));
            float[] expected = Vectors.minus(one.get(point).row(0), other.get(point).row(0));
            for (int u = 0; u < keys.length; u++) {
              assertEquals(expected[u], Vectors.dot(keys[u], x), 2e-4, matrix + " " + u);
            }
          }
        }
      }
    }
  }

  private static float[] read(Optional<Op.Norm> norm, float[] stream) {
    return norm.map(n -> NormValues.normalized(n, stream)).orElse(stream);
  }

  @Test
  void singularVectorsMultiplyToTheMatrix() throws IOException {
    try (Model model = open("llama")) {
      FeedForwardMatrices block = FeedForwardMatrices.of(Lens.of(model), 1);
      int d = model.architecture().width();
      for (Matrix matrix : block.matrices()) {
        float[][] vectors = block.vectors(matrix);
        List<SingularTriple> triples = block.singular(matrix, 1000);
        assertEquals(Math.min(d, vectors.length), triples.size());
        for (int u = 0; u < vectors.length; u++) {
          var sum = new double[d];
          for (SingularTriple triple : triples) {
            float[] stream = matrix == Matrix.OUT ? triple.writes() : triple.reads();
            float[] neurons = matrix == Matrix.OUT ? triple.reads() : triple.writes();
            assertEquals(1, Vectors.norm(stream), 1e-5);
            assertEquals(1, Vectors.norm(neurons), 1e-5);
            for (int j = 0; j < d; j++) {
              sum[j] += triple.value() * neurons[u] * stream[j];
            }
          }
          for (int j = 0; j < d; j++) {
            assertEquals(vectors[u][j], sum[j], 1e-5);
          }
        }
        List<SingularTriple> first = block.singular(matrix, 2);
        assertEquals(2, first.size());
        assertEquals(triples.get(1).value(), first.get(1).value());
      }
    }
  }

  @Test
  void rejectsMissingMatricesAndNeurons() throws IOException {
    try (Model model = open("gpt2")) {
      Lens lens = Lens.of(model);
      FeedForwardMatrices block = FeedForwardMatrices.of(lens, 0);
      assertEquals(List.of(Matrix.IN, Matrix.OUT), block.matrices());
      assertThrows(InvalidInputException.class, () -> block.vectors(Matrix.GATE));
      assertThrows(InvalidInputException.class, () -> block.point(Matrix.OUT));
      assertThrows(InvalidInputException.class, () -> block.vector(Matrix.IN, block.neurons()));
      assertThrows(InvalidInputException.class, () -> block.singular(Matrix.IN, 0));
      assertThrows(InvalidInputException.class, () -> FeedForwardMatrices.of(lens, -1));
    }
    try (Model model = open("nemotron_h")) {
      Lens lens = Lens.of(model);
      assertThrows(InvalidInputException.class, () -> FeedForwardMatrices.of(lens, 1));
    }
  }
}

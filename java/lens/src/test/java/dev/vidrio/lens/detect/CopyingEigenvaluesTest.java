package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.decode.FactoredMatrix.Eigenvalue;
import dev.vidrio.lens.decode.HeadMatrices;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.numeric.Eigenvalues;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Eigenvalues of d_h × d_h matrices against those of the full OV circuit, V × V. */
class CopyingEigenvaluesTest {
  /** The first feed-forward block reads more than the stream before it. */
  private static final List<String> MIXED = List.of("arctic", "smallthinker");

  @TempDir Path directory;

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void scoresMatchTheFullCircuit(String name) throws IOException {
    try (Model model = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens lens = Lens.of(model);
      if (TinyModels.has(name, Trait.LATENT_ATTENTION)
          || !Preconditions.hasOneStream(model)
          || MIXED.contains(name)) {
        assertThrows(InvalidInputException.class, () -> CopyingEigenvalues.of(lens));
        return;
      }
      HookMap hooks = HookMap.of(model);
      List<CopyingEigenvalues> all = CopyingEigenvalues.of(lens);
      int next = 0;
      for (int l = 0; l < model.architecture().layers(); l++) {
        for (int h = 0; h < hooks.heads(l); h++) {
          CopyingEigenvalues head = all.get(next++);
          assertEquals(l, head.layer());
          assertEquals(h, head.head());
          if (h == 1) {
            assertCircuit(lens, head);
          }
        }
      }
      assertEquals(next, all.size());
    }
  }

  private static void assertCircuit(Lens lens, CopyingEigenvalues head) {
    double[][] circuit = circuit(lens, head.layer(), head.head());
    double[] magnitudes =
        Arrays.stream(Eigenvalues.of(circuit))
            .mapToDouble(value -> Math.hypot(value[0], value[1]))
            .sorted()
            .toArray();
    double trace = 0;
    for (int v = 0; v < circuit.length; v++) {
      trace += circuit[v][v];
    }
    double size = Arrays.stream(magnitudes).sum();
    // The model may multiply its logits by a factor.
    double greatest = magnitudes[magnitudes.length - 1];
    double own = head.eigenvalues().getFirst().magnitude();
    for (int i = 0; i < Math.min(head.eigenvalues().size(), magnitudes.length); i++) {
      double expected = magnitudes[magnitudes.length - 1 - i] / greatest;
      assertEquals(expected, head.eigenvalues().get(i).magnitude() / own, 1e-4);
    }
    assertEquals(trace / size, head.score(), 1e-4);
  }

  /** W_E W_OV W_U, [V][V], without the mean of each row, by definition. */
  private static double[][] circuit(Lens lens, int layer, int head) {
    int vocabulary = lens.model().architecture().vocabulary();
    List<LogitDirection> logits =
        IntStream.range(0, vocabulary).mapToObj(v -> LogitDirection.of(lens.model(), v)).toList();
    HeadMatrices of = HeadMatrices.of(lens, layer, head);
    var circuit = new double[vocabulary][vocabulary];
    for (int t = 0; t < vocabulary; t++) {
      float[] written = of.written(VocabularyProjection.embedding(lens, layer, t));
      for (int v = 0; v < vocabulary; v++) {
        circuit[t][v] = logits.get(v).of(written, 1);
      }
      double mean = Arrays.stream(circuit[t]).average().orElseThrow();
      circuit[t] = Arrays.stream(circuit[t]).map(x -> x - mean).toArray();
    }
    return circuit;
  }

  @Test
  void scoresAreSignedShares() {
    assertEquals(1, new CopyingEigenvalues(0, 0, List.of(new Eigenvalue(2, 0))).score());
    assertEquals(
        0.2,
        new CopyingEigenvalues(0, 0, List.of(new Eigenvalue(3, 0), new Eigenvalue(-2, 0))).score(),
        1e-12);
    double score =
        new CopyingEigenvalues(0, 0, List.of(new Eigenvalue(-3, 4), new Eigenvalue(-3, -4)))
            .score();
    assertEquals(-0.6, score, 1e-12);
    assertTrue(new CopyingEigenvalues(0, 0, List.of(new Eigenvalue(0, 0))).score() == 0);
  }
}

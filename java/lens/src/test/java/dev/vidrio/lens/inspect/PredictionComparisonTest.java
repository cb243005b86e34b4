package dev.vidrio.lens.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.PredictionComparison.Candidate;
import dev.vidrio.lens.inspect.PredictionComparison.Cell;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PredictionComparisonTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90};
  private static final int K = 4;
  private static final Intervention HALVED =
      Intervention.scale(new HookPoint(HookSite.MLP_OUT, 1), 0.5f);

  @TempDir private Path directory;

  /** Returns the probabilities after each token, by the definition. */
  private static double[][] probabilities(Lens of) {
    try (ActivationCache cache = of.run(TOKENS, Capture.of("unembed.hook_out"))) {
      Activation logits = cache.get(HookSite.LOGITS);
      return IntStream.range(0, TOKENS.length)
          .mapToObj(i -> softmax(logits.row(i)))
          .toArray(double[][]::new);
    }
  }

  private static double[] softmax(float[] logits) {
    double sum = IntStream.range(0, logits.length).mapToDouble(w -> Math.exp(logits[w])).sum();
    return IntStream.range(0, logits.length).mapToDouble(w -> Math.exp(logits[w]) / sum).toArray();
  }

  private static int best(double[] probabilities) {
    return IntStream.range(0, probabilities.length)
        .reduce(0, (a, b) -> probabilities[b] > probabilities[a] ? b : a);
  }

  @Test
  void cellsEqualTheDefinition() {
    Lens edited = lens.edited(List.of(HALVED));
    double[][] p = probabilities(lens);
    double[][] q = probabilities(edited);
    // @start region="compare"
    PredictionComparison compared = PredictionComparison.of(lens, edited, TOKENS, 2, K);
    double bits = compared.cells().getFirst().divergence();
    // @end
    assertTrue(bits > 0);
    assertEquals(TOKENS.length - 2, compared.cells().size());
    for (int i = 2; i < TOKENS.length; i++) {
      Cell cell = compared.cells().get(i - 2);
      double expected = 0;
      for (int w = 0; w < p[i].length; w++) {
        expected += p[i][w] * Math.log(p[i][w] / q[i][w]) / Math.log(2);
      }
      assertEquals(expected, cell.divergence(), 1e-9);
      List<Integer> ids = cell.top().stream().map(Candidate::token).toList();
      assertTrue(ids.contains(best(p[i])) && ids.contains(best(q[i])), ids.toString());
      assertTrue(ids.size() >= K && ids.size() <= 2 * K, ids.toString());
      for (Candidate one : cell.top()) {
        assertEquals(p[i][one.token()], one.probability(), 1e-9);
        assertEquals(q[i][one.token()], one.other(), 1e-9);
      }
      if (i + 1 < TOKENS.length) {
        Candidate next = Objects.requireNonNull(cell.next());
        assertEquals(TOKENS[i + 1], next.token());
        assertEquals(p[i][TOKENS[i + 1]], next.probability(), 1e-9);
      } else {
        assertNull(cell.next());
      }
    }
  }

  @Test
  void sameModelHasNoDivergence() {
    for (Cell cell : PredictionComparison.of(lens, lens, TOKENS, 0, 1).cells()) {
      assertEquals(0, cell.divergence());
      assertEquals(1, cell.top().size());
      Candidate best = cell.top().getFirst();
      assertEquals(best.probability(), best.other());
    }
  }

  @Test
  void runsInPartsWithEqualResults() {
    Lens edited = lens.edited(List.of(HALVED));
    PredictionComparison whole = PredictionComparison.of(lens, edited, TOKENS, 1, K);
    assertEquals(whole, PredictionComparison.of(lens, edited, TOKENS, 1, K, 4));
  }

  /** Two files of one model have one vocabulary; a tiny model has another. */
  @Test
  void comparesFilesOfOneVocabularyOnly() throws IOException {
    try (Model other = Model.open(BardFiles.q8());
        Model tiny = Model.open(TinyModel.writeChat(directory.resolve("tiny.gguf")))) {
      PredictionComparison equal = PredictionComparison.of(lens, Lens.of(other), TOKENS, 0, 1);
      assertEquals(0, equal.cells().getLast().divergence());
      InvalidInputException error =
          assertThrows(
              InvalidInputException.class,
              () -> PredictionComparison.of(lens, Lens.of(tiny), TOKENS, 0, 1));
      assertNotNull(error.getMessage());
      assertTrue(error.getMessage().contains("vocabulary of the other model"), error.getMessage());
    }
  }

  @Test
  void rejectsNumbersOutOfRange() {
    assertThrows(
        InvalidInputException.class,
        () -> PredictionComparison.of(lens, lens, TOKENS, TOKENS.length, 1));
    assertThrows(
        InvalidInputException.class, () -> PredictionComparison.of(lens, lens, TOKENS, 0, 0));
  }
}

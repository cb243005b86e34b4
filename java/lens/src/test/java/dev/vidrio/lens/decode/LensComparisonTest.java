package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.numeric.Estimate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LensComparisonTest extends BardTest {
  private static final String STREAMS = "blocks.1-3.hook_resid_post";

  private final List<int[]> texts =
      List.of(
          model.tokenizer().encode("Now is the winter of our discontent made glorious summer"),
          model.tokenizer().encode("The quality of mercy is not strained"));

  /** A lens that changes the stream and reads one token ahead. */
  private static final class Halving implements LogitLens.Translation {
    @Override
    public float[] of(HookPoint point, float[] x) {
      float[] half = x.clone();
      for (int j = 0; j < x.length / 2; j++) {
        half[j] = 0;
      }
      return half;
    }

    @Override
    public int ahead() {
      return 1;
    }
  }

  /** Scores are the means over the cells of the lenses, without the first token of each text. */
  @Test
  void scoresAreMeansOfCells() {
    Map<String, LogitLens.Translation> lenses = new LinkedHashMap<>();
    lenses.put("logit", LogitLens.Translation.NONE);
    lenses.put("half", new Halving());
    LensComparison found = LensComparison.of(lens, texts, STREAMS, lenses);
    assertEquals(List.copyOf(lenses.keySet()), List.copyOf(found.scores().keySet()));
    assertEquals(texts.stream().mapToInt(t -> t.length - 1).sum(), found.count());
    lenses.forEach(
        (name, translation) -> {
          for (int row = 0; row < 3; row++) {
            int at = row;
            List<LogitLens.Cell> cells =
                texts.stream()
                    .map(t -> LogitLens.of(lens, t, Capture.of(STREAMS), 1, translation))
                    .flatMap(read -> read.cells().get(at).stream().skip(1))
                    .filter(cell -> cell.rank() >= 0)
                    .toList();
            LensComparison.Score score =
                found.score(name, new HookPoint(HookSite.RESID_POST, row + 1));
            assertNotNull(score);
            near(
                Estimate.of(cells.stream().mapToDouble(LogitLens.Cell::divergence).toArray()),
                score.divergence());
            near(
                Estimate.of(cells.stream().mapToDouble(c -> c.rank() == 0 ? 1 : 0).toArray()),
                score.agreement());
          }
        });
    // The last stream is the prediction itself.
    LensComparison.Score last = found.score("logit", new HookPoint(HookSite.RESID_POST, 3));
    assertNotNull(last);
    assertEquals(0, last.divergence().mean(), 1e-9);
    assertEquals(1, last.agreement().mean());
    assertNull(found.score("logit", new HookPoint(HookSite.RESID_POST, 0)));
    assertNull(found.score("other", new HookPoint(HookSite.RESID_POST, 3)));
  }

  private static void near(Estimate expected, Estimate actual) {
    assertEquals(expected.count(), actual.count());
    assertEquals(expected.mean(), actual.mean(), 1e-9);
    assertEquals(expected.halfWidth(), actual.halfWidth(), 1e-9);
  }

  @Test
  void rejectsInvalidInput() {
    Map<String, LogitLens.Translation> lenses = Map.of("half", new Halving());
    assertThrows(
        InvalidInputException.class, () -> LensComparison.of(lens, List.of(), STREAMS, lenses));
    assertThrows(
        InvalidInputException.class,
        () -> LensComparison.of(lens, List.of(new int[2]), STREAMS, lenses));
    assertThrows(
        InvalidInputException.class, () -> LensComparison.of(lens, texts, "*.hook_z", lenses));
  }
}

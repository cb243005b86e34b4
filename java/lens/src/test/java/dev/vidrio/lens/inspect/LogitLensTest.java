package dev.vidrio.lens.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import java.util.List;
import org.junit.jupiter.api.Test;

class LogitLensTest extends BardTest {
  private final int[] tokens = BardFiles.gold("q8_0").ints("tokens");

  /** The definition, read with the plain arithmetic of this test. */
  @Test
  void lastLayerEqualsModelPrediction() {
    LogitLens read = LogitLens.of(lens, tokens, Capture.of("blocks.*.hook_resid_post"), 3);
    try (ActivationCache cache = lens.run(tokens, Capture.of("unembed.hook_out"))) {
      Activation logits = cache.get(HookSite.LOGITS);
      for (int i = 0; i < tokens.length; i++) {
        LogitLens.Cell last = read.cells().getLast().get(i);
        float[] row = logits.row(i);
        double sum = 0;
        int best = 0;
        for (int w = 0; w < row.length; w++) {
          sum += Math.exp(row[w]);
          best = row[w] > row[best] ? w : best;
        }
        assertEquals(best, last.top().getFirst().token());
        assertEquals(Math.exp(row[best]) / sum, last.top().getFirst().probability(), 1e-6);
        assertEquals(0, last.rank());
        assertEquals(0, last.divergence(), 1e-9);
      }
    }
  }

  @Test
  void cellsAreDistributions() {
    LogitLens read = LogitLens.of(lens, tokens, Capture.of("hook_embed,*.hook_resid_*"), 2048);
    assertEquals(1 + 4 * 3, read.points().size());
    for (List<LogitLens.Cell> row : read.cells()) {
      LogitLens.Cell cell = row.get(20);
      double sum = cell.top().stream().mapToDouble(LogitLens.Candidate::probability).sum();
      double entropy =
          cell.top().stream()
              .mapToDouble(LogitLens.Candidate::probability)
              .map(p -> p == 0 ? 0 : -p * Math.log(p) / Math.log(2))
              .sum();
      assertEquals(1, sum, 1e-9);
      assertEquals(entropy, cell.entropy(), 1e-6);
      int best = read.cells().getLast().get(20).top().getFirst().token();
      assertEquals(best, cell.top().get(cell.rank()).token());
      assertTrue(cell.divergence() >= 0);
    }
  }

  @Test
  void followsTokenThroughLayers() {
    Capture streams = Capture.of("*.hook_resid_post").positions(20, 22);
    LogitLens all = LogitLens.of(lens, tokens, streams, 2048);
    LogitLens read =
        LogitLens.of(lens, tokens, streams, 2, 17, LogitLens.Translation.NONE, List.of());
    for (int row = 0; row < 4; row++) {
      LogitLens.Standing standing = read.cells().get(row).get(1).standing();
      assertNotNull(standing);
      LogitLens.Candidate same = all.cells().get(row).get(1).top().get(standing.rank());
      assertEquals(17, same.token());
      assertEquals(same.probability(), standing.probability());
      assertNull(all.cells().get(row).get(1).standing());
    }
    int last = read.cells().getLast().get(0).top().getFirst().token();
    LogitLens best =
        LogitLens.of(lens, tokens, streams, 2, last, LogitLens.Translation.NONE, List.of());
    best.cells()
        .forEach(
            row -> {
              LogitLens.Standing standing = row.get(0).standing();
              assertNotNull(standing);
              assertEquals(row.get(0).rank(), standing.rank());
            });
  }

  @Test
  void rejectsOtherThanResidualStreams() {
    Capture capture = Capture.of("blocks.0.attn.hook_z");
    String message =
        assertThrows(InvalidInputException.class, () -> LogitLens.of(lens, tokens, capture, 1))
            .getMessage();
    assertTrue(message.contains("is not a residual stream"), message);
  }
}

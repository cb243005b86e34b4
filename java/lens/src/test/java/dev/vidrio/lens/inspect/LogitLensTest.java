package dev.vidrio.lens.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
  void rejectsOtherThanResidualStreams() {
    Capture capture = Capture.of("blocks.0.attn.hook_z");
    String message =
        assertThrows(InvalidInputException.class, () -> LogitLens.of(lens, tokens, capture, 1))
            .getMessage();
    assertTrue(message.contains("is not a residual stream"), message);
  }
}

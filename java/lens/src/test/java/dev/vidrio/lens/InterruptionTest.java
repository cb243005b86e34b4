package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.Removal;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.testfiles.WatchedExecutor;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** An interrupted session begins no other pass and can continue later. */
class InterruptionTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90};
  private static final DifferentiableMetric METRIC = Metric.logitDifference(3, 400);

  @AfterEach
  void clearInterrupt() {
    var _ = Thread.interrupted();
  }

  private static void assertEndsWhenInterrupted(Executable work) {
    Thread.currentThread().interrupt();
    assertThrows(CancellationException.class, work);
    assertTrue(Thread.interrupted());
    assertDoesNotThrow(work);
  }

  @Test
  void runsEnd() {
    assertEndsWhenInterrupted(() -> lens.run(TOKENS, Capture.of("*.hook_resid_post")).close());
  }

  @Test
  void sweepsEnd() {
    assertEndsWhenInterrupted(() -> Occlusion.of(lens, TOKENS, Removal.zero(), METRIC));
  }

  @Test
  void gradientsEnd() {
    try (var session =
        GradientSession.open(lens, GradientOptions.of("hook_embed", TOKENS.length))) {
      assertEndsWhenInterrupted(() -> session.run(TOKENS, METRIC));
    }
  }

  @Test
  void gradientsEndWithinAPass() {
    var executor =
        new WatchedExecutor() {
          @Override
          protected void onRun(Batch batch, int begin, int end) {
            Thread.currentThread().interrupt();
          }
        };
    try (Model own = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor));
        var session =
            GradientSession.open(Lens.of(own), GradientOptions.of("hook_embed", TOKENS.length))) {
      assertThrows(CancellationException.class, () -> session.run(TOKENS, METRIC));
      assertTrue(Thread.interrupted());
    }
  }

  @Test
  void statisticsEnd() {
    assertEndsWhenInterrupted(
        () ->
            ActivationStatistics.of(
                lens, TOKENS, "*.hook_resid_post", ActivationStatistics.Options.DEFAULT));
  }

  @Test
  void sweepsEndBetweenTwoOfTheirPasses() {
    var metrics = new AtomicInteger();
    Metric interrupting =
        logits -> {
          metrics.incrementAndGet();
          Thread.currentThread().interrupt();
          return METRIC.of(logits);
        };
    Intervention zero = Intervention.zero(HookPoint.of(HookSite.EMBED)).position(0);
    List<List<Intervention>> variants = Collections.nCopies(500, List.of(zero));
    assertThrows(
        CancellationException.class,
        () -> Sweep.run(lens, TOKENS, List.of(), variants, interrupting));
    assertTrue(metrics.get() < variants.size(), metrics::toString);
  }
}

package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.lens.attribute.IntegratedGradients;
import dev.vidrio.lens.circuit.EdgeAttribution;
import dev.vidrio.lens.decode.sae.DictionaryFixtures;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.decode.sae.TemporalAutoencoder;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.testfiles.ScarceExecutor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/**
 * Denies each allocation of native memory in turn. Then an {@link OutOfMemoryError} ends the work,
 * no memory is left, and the next attempt has the usual result.
 */
class LensMemoryFaultTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31};

  private static void denyEach(Function<Lens, Callable<?>> work) throws Exception {
    var executor = new ScarceExecutor();
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor))) {
      int allocations = executor.denyEach(work.apply(Lens.of(model)));
      assertTrue(allocations > 2, () -> allocations + " allocations");
    }
    assertEquals(0, executor.living());
  }

  @Test
  void capturesActivations() throws Exception {
    denyEach(
        lens ->
            () -> {
              try (ActivationCache cache = lens.run(TOKENS, Capture.of("*"))) {
                return Arrays.hashCode(cache.get("blocks.2.hook_resid_post").row(4));
              }
            });
  }

  @Test
  void computesStatistics() throws Exception {
    denyEach(
        lens ->
            () ->
                ActivationStatistics.of(lens, TOKENS, "*", ActivationStatistics.Options.DEFAULT)
                    .points()
                    .stream()
                    .map(point -> Arrays.hashCode(point.norms()))
                    .toList());
  }

  @Test
  void integratesGradients() throws Exception {
    denyEach(lens -> () -> IntegratedGradients.of(lens, TOKENS, Metric.logitDifference(7, 80), 2));
  }

  @Test
  void attributesEdges() throws Exception {
    List<TextPair> pairs = List.of(TextPair.of(TOKENS, new int[] {5, 120, 45, 700, 31}, 7, 8));
    denyEach(lens -> () -> EdgeAttribution.of(lens, pairs));
  }

  @Test
  void opensTemporalAutoencoders() throws Exception {
    Path files = DictionaryFixtures.path("temporal-untied");
    denyEach(
        lens ->
            () -> {
              try (var opened = TemporalAutoencoder.load(lens.model().executor(), files)) {
                return opened.encode(new float[][] {{1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6}}).stream()
                    .map(Features::count)
                    .toList();
              }
            });
  }
}

package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyAdapter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ModelComparisonTest {
  private static final int[] TOKENS = {5, 120, 44, 200, 31, 8, 90};
  private static final Metric METRIC = Metric.logitDifference(100, 101);

  @TempDir Path directory;

  /** Runs with a model and the same model with an adapter of all matrices. */
  private void with(GgmlType type, Both use) throws IOException {
    TinyModel.Options options = TinyModel.Options.standard().withType(type);
    Path file = TinyModel.write(directory.resolve(type + ".gguf"), options);
    try (Model model = Model.open(file)) {
      Path adapter = TinyAdapter.write(directory.resolve(type + ".lora.gguf"), 3, 6, 1);
      Lens base = Lens.of(model);
      use.with(base, base.adapted(new Adaptation(model.openAdapter(adapter), 0.7f)));
    }
  }

  private interface Both {
    void with(Lens base, Lens adapted);
  }

  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"F32", "Q8_0", "Q4_0"})
  void wholeStreamEqualsOtherModel(GgmlType type) throws IOException {
    with(
        type,
        (base, adapted) -> {
          ModelComparison into = ModelComparison.of(base, adapted, TOKENS, METRIC);
          assertEquals(METRIC.of(base, TOKENS), into.own());
          assertEquals(METRIC.of(adapted, TOKENS), into.other());
          assertNotEquals(into.own(), into.other());
          assertEquals(into.other(), into.whole());
          assertEquals(into.other(), into.byLayer().getLast());
          assertEquals(into.other(), into.patched().getLast().getLast());
          assertEquals(into.other(), into.byPosition().getLast());
          assertEquals(1, into.share(into.whole()));
          ModelComparison back = ModelComparison.of(adapted, base, TOKENS, METRIC);
          assertEquals(into.other(), back.own());
          assertEquals(into.own(), back.whole());
          assertEquals(into.own(), back.byLayer().getLast());
        });
  }

  /** Cells against runs with activations of the other model. */
  @Test
  void cellsEqualSingleRuns() throws IOException {
    with(
        GgmlType.Q8_0,
        (base, adapted) -> {
          ModelComparison into = ModelComparison.of(base, adapted, TOKENS, METRIC);
          ModelComparison back = ModelComparison.of(adapted, base, TOKENS, METRIC);
          var point = new HookPoint(HookSite.RESID_POST, 0);
          try (ActivationCache own = base.run(TOKENS, Capture.of("*.hook_resid_post"));
              ActivationCache other = adapted.run(TOKENS, Capture.of("*.hook_resid_post"))) {
            for (int p = 0; p < TOKENS.length; p++) {
              assertEquals(
                  METRIC.of(base, TOKENS, List.of(Intervention.patch(other, point).position(p))),
                  into.patched().getFirst().get(p));
              assertEquals(
                  METRIC.of(adapted, TOKENS, List.of(Intervention.patch(own, point).position(p))),
                  back.patched().getFirst().get(p));
            }
            assertEquals(
                METRIC.of(base, TOKENS, List.of(Intervention.patch(other, point))),
                into.byLayer().getFirst());
          }
        });
  }

  @Test
  void adaptedLensHasBitsOfSession() throws IOException {
    with(
        GgmlType.Q4_0,
        (base, adapted) -> {
          Path adapter = directory.resolve("Q4_0.lora.gguf");
          SessionOptions options =
              SessionOptions.exact(16, 16, 1, 1)
                  .withAdaptation(new Adaptation(base.model().openAdapter(adapter), 0.7f));
          try (Session session = base.model().newSession(options)) {
            double expected = METRIC.of(session.feed(session.newSequence(), TOKENS));
            assertEquals(expected, METRIC.of(adapted, TOKENS));
            assertEquals(expected, METRIC.of(adapted, TOKENS, List.of()));
            assertEquals(METRIC.of(base, TOKENS), METRIC.of(adapted.adapted(null), TOKENS));
          }
        });
  }

  @Test
  void rejectsInvalidModels() throws IOException {
    with(
        GgmlType.F32,
        (base, adapted) -> {
          String gradients =
              assertThrows(
                      InvalidInputException.class,
                      () -> GradientSession.open(adapted, GradientOptions.of("hook_embed", 8)))
                  .getMessage();
          assertTrue(gradients.contains("has no gradients"), gradients);
          try (Model other = Model.open(directory.resolve("F32.gguf"))) {
            String message =
                assertThrows(
                        InvalidInputException.class,
                        () -> ModelComparison.of(base, Lens.of(other), TOKENS, METRIC))
                    .getMessage();
            assertTrue(message.contains("must be the same model"), message);
          }
        });
  }
}

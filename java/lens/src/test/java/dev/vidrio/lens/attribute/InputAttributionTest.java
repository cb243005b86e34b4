package dev.vidrio.lens.attribute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class InputAttributionTest {
  private static final DifferentiableMetric METRIC = Metric.logitDifference(7, 80);
  private static Model model;
  private static Lens lens;
  private static int[] tokens;

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.f32());
    lens = Lens.of(model);
    tokens = model.tokenizer().encode("To be, or not to be, that is the");
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static void assertClose(List<Double> expected, List<Double> actual, double tolerance) {
    double magnitude = expected.stream().mapToDouble(Math::abs).max().orElseThrow();
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), actual.get(i), tolerance * magnitude, "token " + i);
    }
  }

  /** Gradient × input is how the number moves when a token's embedding is scaled. */
  @Test
  void gradientTimesInputIsADirectionalDerivative() {
    float step = 1f / 64;
    List<List<Intervention>> variants =
        IntStream.range(0, 2 * tokens.length)
            .mapToObj(
                i ->
                    List.of(
                        Intervention.scale(InputAttribution.INPUT, i % 2 == 0 ? 1 + step : 1 - step)
                            .position(i / 2)))
            .toList();
    List<Double> moved = Sweep.run(lens, tokens, List.of(), variants, METRIC);
    List<Double> expected =
        IntStream.range(0, tokens.length)
            .mapToObj(i -> (moved.get(2 * i) - moved.get(2 * i + 1)) / (2 * step))
            .toList();
    InputAttribution actual = GradientAttribution.timesInput(lens, tokens, METRIC);
    assertClose(expected, actual.scores(), 1e-2);
    assertEquals(METRIC.of(lens, tokens), actual.value());
  }

  /** The norm bounds every directional derivative, and has that of the gradient's direction. */
  @Test
  void gradientNorm() {
    List<Double> norms = GradientAttribution.norm(lens, tokens, METRIC).scores();
    GradientOptions options = GradientOptions.of("hook_embed", tokens.length);
    try (GradientSession session = GradientSession.open(lens, options)) {
      session.run(tokens, METRIC);
      for (int i = 0; i < tokens.length; i++) {
        double expected = Vectors.norm(session.gradient(InputAttribution.INPUT).row(i));
        assertEquals(expected, norms.get(i));
        assertTrue(expected > 0);
      }
    }
  }

  /**
   * They add up to f(x) − f(x̄), the better the more steps: the midpoint rule's error is O(1/m²).
   */
  @Test
  void integratedGradientsAreComplete() {
    double before = Double.POSITIVE_INFINITY;
    for (int steps : new int[] {4, 16, 64}) {
      InputAttribution attribution =
          IntegratedGradients.of(lens, tokens, METRIC, steps, baseline());
      double error = Math.abs(attribution.sum() - attribution.explained());
      assertTrue(error < before / 4, steps + " steps: " + error + " after " + before);
      before = error;
    }
    assertTrue(before < 1e-3, "error " + before);
  }

  /** Near the text everything is linear: then integrated gradients are gradient × input. */
  @Test
  void integratedGradientsOfShortPath() {
    var near = new float[model.architecture().width()];
    InputAttribution attribution = IntegratedGradients.of(lens, new int[] {5}, METRIC, 1, near);
    assertTrue(Double.isFinite(attribution.sum()));
  }

  private static float[] baseline() {
    try (ActivationCache cache = lens.run(tokens, Capture.of("hook_embed"))) {
      var mean = new RowMean();
      for (int i = 0; i < tokens.length; i++) {
        mean.add(cache.get(HookSite.EMBED).row(i));
      }
      return mean.mean();
    }
  }

  @Test
  void smoothGradWithoutNoiseIsGradientTimesInput() {
    assertClose(
        GradientAttribution.timesInput(lens, tokens, METRIC).scores(),
        SmoothGrad.of(lens, tokens, METRIC, 3, 0, 1).scores(),
        1e-6);
  }

  @Test
  void smoothGradDependsOnItsSeedAlone() {
    InputAttribution first = SmoothGrad.of(lens, tokens, METRIC, 4, 0.1, 42);
    assertEquals(first, SmoothGrad.of(lens, tokens, METRIC, 4, 0.1, 42));
    assertTrue(!first.equals(SmoothGrad.of(lens, tokens, METRIC, 4, 0.1, 43)));
  }

  /** With constant attention patterns the bard has no bias, so that relevance is conserved. */
  @Test
  void relevanceAddsUpToMetric() {
    InputAttribution relevance =
        GradientAttribution.relevance(lens, tokens, METRIC, GradientRules.CP_LRP);
    double magnitude = relevance.scores().stream().mapToDouble(Math::abs).sum();
    assertEquals(relevance.value(), relevance.sum(), 1e-5 * magnitude);
  }

  @Test
  void rejectsInvalidOptions() {
    var narrow = new float[3];
    assertThrows(
        InvalidInputException.class, () -> IntegratedGradients.of(lens, tokens, METRIC, 0));
    assertThrows(
        InvalidInputException.class, () -> IntegratedGradients.of(lens, tokens, METRIC, 1, narrow));
    assertThrows(InvalidInputException.class, () -> SmoothGrad.of(lens, tokens, METRIC, 0, 0.1, 1));
    assertThrows(
        InvalidInputException.class, () -> SmoothGrad.of(lens, tokens, METRIC, 1, -0.1, 1));
    var none = new int[0];
    assertThrows(
        InvalidInputException.class, () -> GradientAttribution.timesInput(lens, none, METRIC));
  }
}

package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.attribute.ContextMixing;
import dev.vidrio.lens.attribute.ContextMixing.Measure;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.InputAttribution;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.Removal;
import dev.vidrio.lens.graph.AttributionGraph;
import dev.vidrio.lens.graph.GraphFeatures;
import dev.vidrio.lens.graph.GraphOptions;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A lens of the changed model gives the bits of runs with the same interventions. */
class EditedLensTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90};
  private static final int[] OTHERS = {5, 120, 45, 700, 31, 8, 90};
  private static final HookPoint MLP = new HookPoint(HookSite.MLP_OUT, 1);
  private static final HookPoint INPUT = HookPoint.of(HookSite.EMBED);
  private static final Intervention HEAD = Intervention.zero(new HookPoint(HookSite.Z, 1)).head(2);
  private static final Intervention SCALED = Intervention.scale(MLP, 0.5f);
  private static final List<Intervention> EDITS = List.of(HEAD, SCALED);
  private static final DifferentiableMetric METRIC = Metric.logitDifference(3, 400);

  private static float[] logits(Lens of, int[] tokens, List<Intervention> edits) {
    try (ActivationCache cache = of.run(tokens, Capture.of("unembed.hook_out"), edits)) {
      return cache.get(HookSite.LOGITS).row(tokens.length - 1);
    }
  }

  private static double metric(int[] tokens, List<Intervention> edits) {
    float[] logits = logits(lens, tokens, edits);
    return (double) logits[3] - logits[400];
  }

  private static List<Intervention> with(Intervention more) {
    List<Intervention> all = new ArrayList<>(EDITS);
    all.add(more);
    return all;
  }

  @Test
  void run_appliesEditsBeforeThoseOfTheRun() {
    Lens edited = lens.edited(EDITS);
    assertArrayEquals(logits(lens, TOKENS, EDITS), logits(edited, TOKENS, List.of()));
    Intervention set = Intervention.set(MLP, new float[model.architecture().width()]);
    assertArrayEquals(logits(lens, TOKENS, with(set)), logits(edited, TOKENS, List.of(set)));
    assertArrayEquals(
        logits(lens, TOKENS, List.of()), logits(edited.edited(List.of()), TOKENS, List.of()));
    assertEquals(metric(TOKENS, EDITS), METRIC.of(edited, TOKENS));
  }

  @Test
  void session_editsOnlyPointsThatWereOpened() {
    var options = SessionOptions.exact(8, 8, 1, 1);
    try (LensSession session =
        lens.edited(EDITS).open(Capture.NONE, options, "blocks.0.hook_mlp_out")) {
      assertThrows(InvalidInputException.class, () -> session.edits(List.of(SCALED)));
    }
  }

  @Test
  void gradient_isThatOfTheChangedModel() {
    InputAttribution found = GradientAttribution.timesInput(lens.edited(EDITS), TOKENS, METRIC);
    assertEquals(metric(TOKENS, EDITS), found.value());
    GradientOptions options =
        GradientOptions.of(INPUT.name(), TOKENS.length)
            .withEditable("blocks.1.attn.hook_z,blocks.1.hook_mlp_out");
    try (GradientSession session = GradientSession.open(lens, options)) {
      session.edits(EDITS);
      session.run(TOKENS, METRIC);
      for (int i = 0; i < TOKENS.length; i++) {
        float[] x = session.activation(INPUT).row(i);
        float[] dx = session.gradient(INPUT).row(i);
        assertEquals(Vectors.dot(x, dx), found.scores().get(i));
      }
    }
    assertNotEquals(GradientAttribution.timesInput(lens, TOKENS, METRIC).scores(), found.scores());
  }

  @Test
  void occlusionAndPatching_changeTheChangedModel() {
    Lens edited = lens.edited(EDITS);
    Occlusion occlusion = Occlusion.of(edited, TOKENS, Removal.zero(), METRIC);
    assertEquals(metric(TOKENS, EDITS), occlusion.metric());
    for (int j = 0; j < TOKENS.length; j++) {
      Intervention zero = Intervention.zero(INPUT).position(j);
      assertEquals(metric(TOKENS, with(zero)), occlusion.without().get(j));
    }
    var pair = new TextPair(TOKENS, OTHERS, METRIC);
    ActivationPatching patching =
        ActivationPatching.of(
            edited,
            pair,
            ActivationPatching.Site.RESID_PRE,
            ActivationPatching.Direction.DENOISING);
    assertEquals(metric(TOKENS, EDITS), patching.clean());
    assertEquals(metric(OTHERS, EDITS), patching.corrupted());
    HookPoint stream = new HookPoint(HookSite.RESID_PRE, 2);
    try (ActivationCache clean = lens.run(TOKENS, Capture.of(stream.name()), EDITS)) {
      double patched = metric(OTHERS, with(Intervention.patch(clean, stream).position(2)));
      double whole = patching.clean() - patching.corrupted();
      assertEquals(
          (patched - patching.corrupted()) / whole, patching.scores().get(2).get(2), 1e-12);
    }
  }

  @Test
  void rejectsClampsInGradientsAndUnsupportedMethods() {
    Lens clamped = lens.edited(List.of(Intervention.clamp(MLP, -1, 1)));
    InvalidInputException clamp =
        assertThrows(
            InvalidInputException.class,
            () -> GradientAttribution.timesInput(clamped, TOKENS, METRIC));
    assertTrue(String.valueOf(clamp.getMessage()).contains("a clamp has no gradient"));
    InvalidInputException graph =
        assertThrows(
            InvalidInputException.class,
            () ->
                AttributionGraph.of(
                    clamped, TOKENS, GraphFeatures.neurons(), GraphOptions.DEFAULT));
    assertTrue(String.valueOf(graph.getMessage()).contains("a clamp has no gradient"));
    InvalidInputException zeroing =
        assertThrows(
            InvalidInputException.class,
            () -> ContextMixing.of(lens.edited(EDITS), TOKENS, Measure.VALUE_ZEROING));
    assertTrue(String.valueOf(zeroing.getMessage()).contains("not supported by value zeroing"));
    HookPoint none = new HookPoint(HookSite.MLP_OUT, 99);
    assertThrows(
        InvalidInputException.class,
        () -> lens.edited(List.of(Intervention.zero(none))).run(TOKENS, Capture.NONE));
  }
}

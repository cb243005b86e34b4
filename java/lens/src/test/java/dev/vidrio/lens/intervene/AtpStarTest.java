package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.vector.Vectors;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AtpStarTest extends BardTest {
  private static final int[] CLEAN = {5, 120, 44, 700, 31, 8, 90};
  private static final int[] CORRUPTED = {5, 120, 45, 700, 31, 9, 90};
  private static final int ANSWER = 300;
  private static final int WRONG = 301;

  private static AtpStar estimate(HookSite input) {
    return AtpStar.of(lens, TextPair.of(CLEAN, CORRUPTED, ANSWER, WRONG), input);
  }

  /** A run of its own for each head: what its z becomes, times the gradient there. */
  @ParameterizedTest
  @EnumSource(
      value = HookSite.class,
      names = {"Q", "K", "V"})
  void patchesInputsExactlyUpToHeadOutputs(HookSite input) {
    AtpStar actual = estimate(input);
    GradientOptions options = GradientOptions.of("*.hook_z", CLEAN.length);
    try (GradientSession session = GradientSession.open(lens, options);
        ActivationCache there = lens.run(CORRUPTED, Capture.of("*." + input.suffix()))) {
      double value = session.run(CLEAN, Metric.logitDifference(ANSWER, WRONG));
      assertEquals(value, actual.clean());
      for (HookPoint z : session.points()) {
        List<Double> heads = actual.estimates().get(z.layer());
        for (int h = 0; h < heads.size(); h++) {
          Intervention edit = Intervention.patch(there, new HookPoint(input, z.layer())).head(h);
          try (ActivationCache patched = lens.run(CLEAN, Capture.of("*.hook_z"), List.of(edit))) {
            float[] change =
                Vectors.minus(patched.get(z).toArray(), session.activation(z).toArray());
            double expected = Vectors.dot(change, session.gradient(z).toArray());
            assertEquals(expected, heads.get(h), 1e-6 * (1 + Math.abs(expected)), z + " " + h);
          }
        }
      }
    }
  }

  /** Nothing follows the last layer: every gradient but that without it is the whole one. */
  @Test
  void estimatesAreExactInLastLayer() {
    AtpStar actual = estimate(HookSite.Q);
    List<Double> expected = actual.estimates().getLast().stream().map(Math::abs).toList();
    for (int h = 0; h < expected.size(); h++) {
      assertEquals(expected.get(h), actual.magnitudes().getLast().get(h), 1e-9);
    }
  }

  @Test
  void rejectsOtherInputs() {
    assertThrows(InvalidInputException.class, () -> estimate(HookSite.Z));
  }
}

package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.model.InvalidInputException;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Metrics of tokens that the model does not have. */
class MetricTest extends BardTest {
  private static final int[] TOKENS = {1, 2, 3};

  static Stream<IntFunction<DifferentiableMetric>> metrics() {
    return Stream.of(
        Metric::logit,
        Metric::probability,
        Metric::logProbability,
        token -> Metric.logitDifference(token, 1),
        token -> Metric.logitDifference(1, token));
  }

  @ParameterizedTest
  @MethodSource("metrics")
  void tokensHaveToExist(IntFunction<DifferentiableMetric> metric) {
    Edit edit = Edit.zero(new HookPoint(HookSite.RESID_POST, 1));
    try (GradientSession session =
        GradientSession.open(lens, GradientOptions.of("hook_embed", TOKENS.length))) {
      for (int token : new int[] {-1, 2048}) {
        DifferentiableMetric unknown = metric.apply(token);
        assertRefused(token, () -> unknown.of(lens, TOKENS));
        assertRefused(token, () -> session.run(TOKENS, unknown));
        assertRefused(
            token, () -> Sweep.run(lens, TOKENS, List.of(), List.of(List.of(edit)), unknown));
      }
    }
  }

  private static void assertRefused(int token, Runnable action) {
    assertEquals(
        "token id " + token + ": must be 0 to 2047",
        assertThrows(InvalidInputException.class, action::run).getMessage());
  }
}

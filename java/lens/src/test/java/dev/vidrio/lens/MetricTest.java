package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MetricTest extends BardTest {
  private static final int[] TOKENS = {1, 2, 3};

  static Stream<IntFunction<DifferentiableMetric>> metrics() {
    return Stream.of(
        Metric::logit,
        Metric::probability,
        token -> Metric.probability(1, token),
        token -> Metric.logit(1).minus(Metric.logit(token)),
        Metric::logProbability,
        token -> Metric.logitDifference(token, 1),
        token -> Metric.logitDifference(1, token));
  }

  @ParameterizedTest
  @MethodSource("metrics")
  void rejectsUnknownTokens(IntFunction<DifferentiableMetric> metric) {
    Intervention edit = Intervention.zero(new HookPoint(HookSite.RESID_POST, 1));
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

  static Stream<DifferentiableMetric> differentiable() {
    return Stream.of(
        Metric.logit(3),
        Metric.logitDifference(3, 5),
        Metric.probability(3),
        Metric.probability(3, 5, 3, 9),
        Metric.logProbability(5),
        Metric.probability(3, 5).minus(Metric.probability(7, 2)),
        Metric.entropy(),
        Metric.meanLogitDifference(new int[] {3, 5, 3}, new int[] {7, 2, 9}),
        Metric.meanLogitDifference(new int[] {4}, new int[] {}),
        Metric.meanLogitDifference(new int[] {4, 6}, new int[] {}),
        Metric.divergence(lens, TOKENS));
  }

  /** Central differences, of logits that are far apart enough for them. */
  @ParameterizedTest
  @MethodSource("differentiable")
  void gradientsAreDerivatives(DifferentiableMetric metric) {
    float[] logits = new float[2048];
    for (int w = 0; w < logits.length; w++) {
      logits[w] = w < 12 ? w % 5 : -9;
    }
    var gradient = new float[logits.length];
    double value = metric.of(MemorySegment.ofArray(logits), MemorySegment.ofArray(gradient));
    assertEquals(value, metric.of(MemorySegment.ofArray(logits)));
    for (int w = 0; w < 12; w++) {
      float step = 1f / 128;
      float[] more = logits.clone();
      float[] less = logits.clone();
      more[w] += step;
      less[w] -= step;
      double slope =
          metric.of(MemorySegment.ofArray(more)) - metric.of(MemorySegment.ofArray(less));
      assertEquals(slope / (2 * step), gradient[w], 1e-5);
    }
  }

  /** Returns the metric with and without edits. */
  @Test
  void textsMayHaveEdits() {
    Metric metric = Metric.logitDifference(3, 5);
    List<Intervention> edits =
        List.of(Intervention.scale(new HookPoint(HookSite.MLP_OUT, 1), 0.5f));
    assertEquals(metric.of(lens, TOKENS), metric.of(lens, TOKENS, List.of()));
    try (ActivationCache cache = lens.run(TOKENS, Capture.of("unembed.hook_out"), edits)) {
      MemorySegment last = MemorySegment.ofArray(cache.get(HookSite.LOGITS).row(-1));
      assertEquals(metric.of(last), metric.of(lens, TOKENS, edits));
    }
  }

  /** The probability of one of several tokens is the sum of theirs. */
  @Test
  void probabilitiesAddUp() {
    double sum = Metric.probability(3).of(lens, TOKENS) + Metric.probability(5).of(lens, TOKENS);
    assertEquals(sum, Metric.probability(5, 3).of(lens, TOKENS), 1e-15);
    double log = Metric.logProbability(3).of(lens, TOKENS);
    assertEquals(Math.exp(log), Metric.probability(3).of(lens, TOKENS), 1e-15);
  }

  /** The entropy of equal logits is log V; that of the definition in general. */
  @Test
  void entropyEqualsDefinition() {
    assertEquals(Math.log(16), Metric.entropy().of(MemorySegment.ofArray(new float[16])), 1e-12);
    float[] logits = {0.5f, -1, 2, 0};
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit);
    }
    double entropy = 0;
    for (float logit : logits) {
      double p = Math.exp(logit) / sum;
      entropy -= p * Math.log(p);
    }
    assertEquals(entropy, Metric.entropy().of(MemorySegment.ofArray(logits)), 1e-12);
  }

  /** The divergence of a prediction from itself is 0; else it is the sum of the definition. */
  @Test
  void divergenceEqualsKlOfPredictions() {
    int[] other = {1, 2, 9};
    assertEquals(0, Metric.divergence(lens, TOKENS).of(lens, TOKENS), 1e-12);
    Capture logits = Capture.of("unembed.hook_out").positions(2, 3);
    try (ActivationCache truth = lens.run(TOKENS, logits);
        ActivationCache changed = lens.run(other, logits)) {
      MemorySegment p = truth.get(HookSite.LOGITS).data();
      MemorySegment q = changed.get(HookSite.LOGITS).data();
      double sum = 0;
      for (int w = 0; w < 2048; w++) {
        double log = LogProbability.of(p, w);
        sum += Math.exp(log) * (log - LogProbability.of(q, w));
      }
      assertEquals(sum, Metric.divergence(lens, TOKENS).of(lens, other), 1e-9);
    }
  }

  private static void assertRefused(int token, Runnable action) {
    assertEquals(
        "token id " + token + ": must be 0 to 2047",
        assertThrows(InvalidInputException.class, action::run).getMessage());
  }
}

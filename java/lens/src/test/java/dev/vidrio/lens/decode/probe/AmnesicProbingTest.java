package dev.vidrio.lens.decode.probe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.decode.probe.AmnesicProbing.Choice;
import dev.vidrio.lens.decode.probe.AmnesicProbing.Prediction;
import dev.vidrio.lens.decode.probe.AmnesicProbing.Preference;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Erasure in the pass against runs of {@code Lens}, one for each text. */
class AmnesicProbingTest extends BardTest {
  private static final HookPoint POINT = new HookPoint(HookSite.RESID_POST, 1);

  private static List<Integer> tokens(String text) {
    return Arrays.stream(model.tokenizer().encode(text)).boxed().toList();
  }

  private static Map<HookPoint, Hook> random(int rank) {
    int d = model.architecture().width();
    return Map.of(POINT, SubspaceEraser.random(rank, new double[d], 3).hook());
  }

  private static float[][] logits(int[] tokens, Map<HookPoint, Hook> variant) {
    try (ActivationCache cache = lens.run(tokens, Capture.of(HookSite.LOGITS.suffix()), variant)) {
      return cache.get(HookSite.LOGITS).rows();
    }
  }

  @Test
  void predictionsMatchSeparateRuns() {
    List<int[]> texts =
        List.of(
            model.tokenizer().encode("To be, or not to be: that is the question"),
            model.tokenizer().encode("The king is dead"));
    List<Map<HookPoint, Hook>> variants = List.of(Map.of(), random(40));
    List<Prediction> found = AmnesicProbing.predictions(lens, texts, variants);
    for (int v = 0; v < 2; v++) {
      double loss = 0;
      double right = 0;
      double divergence = 0;
      List<Double> increases = new ArrayList<>();
      int count = 0;
      for (int[] tokens : texts) {
        float[][] base = logits(tokens, Map.of());
        float[][] own = logits(tokens, variants.get(v));
        for (int i = 0; i + 1 < tokens.length; i++) {
          double[] p = Vectors.logProbabilities(base[i]);
          double[] q = Vectors.logProbabilities(own[i]);
          loss -= q[tokens[i + 1]];
          right += Vectors.largest(own[i], 1)[0] == tokens[i + 1] ? 1 : 0;
          for (int w = 0; w < p.length; w++) {
            divergence += Math.exp(p[w]) * (p[w] - q[w]);
          }
          increases.add(p[tokens[i + 1]] - q[tokens[i + 1]]);
          count++;
        }
      }
      assertEquals(loss / count, found.get(v).loss().mean(), 1e-9);
      assertEquals(right / count, found.get(v).accuracy().mean(), 1e-9);
      assertEquals(divergence / count, found.get(v).divergence().mean(), 1e-5);
      Estimate increase =
          Estimate.of(increases.stream().mapToDouble(Double::doubleValue).toArray());
      assertEquals(increase.mean(), found.get(v).lossIncrease().mean(), 1e-9);
      assertEquals(increase.halfWidth(), found.get(v).lossIncrease().halfWidth(), 1e-9);
      assertEquals(count, found.get(v).divergence().count());
    }
    assertEquals(0, found.getFirst().divergence().mean(), 1e-6);
    assertTrue(found.getLast().divergence().mean() > 1e-3);
  }

  @Test
  void preferencesMatchSeparateRuns() {
    int a = model.tokenizer().token(" is");
    int b = model.tokenizer().token(" are");
    List<Choice> choices =
        List.of(
            new Choice(tokens("The king"), a, b),
            new Choice(tokens("The kings of the land"), b, a),
            new Choice(tokens("His brother"), a, b));
    List<Map<HookPoint, Hook>> variants = List.of(random(60), Map.of());
    List<Preference> found = AmnesicProbing.preferences(lens, choices, variants);
    for (int v = 0; v < 2; v++) {
      double sum = 0;
      double right = 0;
      for (Choice choice : choices) {
        int[] text = choice.tokens().stream().mapToInt(Integer::intValue).toArray();
        float[] last = logits(text, variants.get(v))[text.length - 1];
        double difference = (double) last[choice.answer()] - last[choice.wrong()];
        sum += difference;
        right += difference > 0 ? 1 : 0;
      }
      assertEquals(sum / 3, found.get(v).difference().mean(), 1e-9);
      double accuracy = right / 3;
      assertEquals(accuracy, found.get(v).accuracy().mean(), 1e-9);
      assertEquals(
          1.96 * Math.sqrt(accuracy * (1 - accuracy) / 2),
          found.get(v).accuracy().halfWidth(),
          1e-9);
    }
  }

  @Test
  void reportsInvalidInput() {
    assertThrows(
        InvalidInputException.class,
        () -> AmnesicProbing.predictions(lens, List.of(), List.of(Map.of())));
    assertThrows(
        InvalidInputException.class,
        () -> AmnesicProbing.predictions(lens, List.of(new int[] {1}), List.of(Map.of())));
    assertThrows(
        InvalidInputException.class,
        () -> AmnesicProbing.preferences(lens, List.of(), List.of(Map.of())));
  }
}

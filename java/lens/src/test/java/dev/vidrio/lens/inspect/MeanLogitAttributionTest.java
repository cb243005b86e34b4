package dev.vidrio.lens.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.numeric.Estimate;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MeanLogitAttributionTest extends BardTest {
  private static final List<int[]> TEXTS =
      List.of(new int[] {5, 120, 44, 700}, new int[] {31, 8, 90, 12}, new int[] {7, 7, 300, 2});

  private static MetricSpec.Bound target(List<Integer> answers, List<Integer> wrong) {
    MetricKind kind = wrong.isEmpty() ? MetricKind.LOGIT : MetricKind.LOGIT_DIFF;
    return new MetricSpec.Bound(kind, answers, wrong);
  }

  /** Parts are linear in the logits, so that those of sets are means of those of tokens. */
  @ParameterizedTest
  @EnumSource(
      value = By.class,
      names = {"LAYER", "HEAD", "PATH"})
  void meansOfTextsAndSets(By by) {
    List<MetricSpec.Bound> targets =
        List.of(
            target(List.of(10, 11), List.of(12)),
            target(List.of(20), List.of(21, 22, 23)),
            target(List.of(30), List.of(31)));
    double[] done = {0};
    MeanLogitAttribution found =
        MeanLogitAttribution.of(lens, TEXTS, targets, by, share -> done[0] = share);
    assertEquals(1, done[0]);
    assertEquals(3, found.texts());
    var answers = new double[3][];
    var wrong = new double[3][];
    for (int i = 0; i < 3; i++) {
      answers[i] = means(TEXTS.get(i), targets.get(i).answers(), by);
      wrong[i] = means(TEXTS.get(i), targets.get(i).wrong(), by);
    }
    for (int p = 0; p < found.parts().size(); p++) {
      var values = new double[3];
      for (int i = 0; i < 3; i++) {
        values[i] = answers[i][p] - wrong[i][p];
      }
      Estimate expected = Estimate.of(values);
      Estimate actual = found.parts().get(p).value();
      assertEquals(expected.mean(), actual.mean(), 1e-4 * (1 + Math.abs(expected.mean())));
      assertEquals(expected.halfWidth(), actual.halfWidth(), 1e-4 * (1 + expected.halfWidth()));
    }
    assertEquals(found.logit().mean(), found.sum(), 0.1);
    List<MeanLogitAttribution.Part> ranked = found.ranked();
    assertTrue(
        Math.abs(ranked.getFirst().value().mean()) >= Math.abs(ranked.getLast().value().mean()));
  }

  /** Returns the mean over the tokens of each part of their logits. */
  private static double[] means(int[] text, List<Integer> tokens, By by) {
    List<DirectLogitAttribution> each =
        tokens.stream()
            .map(t -> DirectLogitAttribution.of(lens, text, text.length - 1, t, -1, by))
            .toList();
    return IntStream.range(0, each.getFirst().parts().size())
        .mapToDouble(
            p -> each.stream().mapToDouble(x -> x.parts().get(p).value()).average().orElseThrow())
        .toArray();
  }

  @Test
  void rejectsWhatHasNoMean() {
    List<MetricSpec.Bound> two =
        List.of(target(List.of(10), List.of()), target(List.of(20), List.of()));
    List<int[]> unequal = List.of(TEXTS.get(0), new int[] {1, 2});
    assertRejected("parts: differ between texts, which need one length", unequal, two, By.PATH);
    assertRejected("parts token: are not those of several texts", unequal, two, By.TOKEN);
    assertRejected(
        "metric prob: must be logit-diff or logit, a sum of parts",
        unequal,
        List.of(two.get(0), new MetricSpec.Bound(MetricKind.PROB, List.of(1), List.of())),
        By.HEAD);
    assertRejected("texts: must be at least 1", List.of(), List.of(), By.HEAD);
  }

  private static void assertRejected(
      String message, List<int[]> texts, List<MetricSpec.Bound> targets, By by) {
    var e =
        assertThrows(
            InvalidInputException.class,
            () -> MeanLogitAttribution.of(lens, texts, targets, by, share -> {}));
    assertEquals(message, e.getMessage());
  }
}

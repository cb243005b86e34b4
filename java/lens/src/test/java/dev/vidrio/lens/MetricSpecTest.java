package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.dataset.PairText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class MetricSpecTest extends BardTest {
  private static final int[] CLEAN = {1, 2, 3};
  private static final int[] CORRUPTED = {1, 4, 3};

  @ParameterizedTest
  @EnumSource(MetricKind.class)
  void namesAndMetricsAgree(MetricKind kind) {
    assertEquals(kind, MetricKind.of(kind.key()));
    MetricSpec.Bound bound = MetricSpec.of(kind).bind(model, List.of("#7"), List.of("#9"), "");
    Metric metric = bound.metric(lens, CLEAN);
    assertEquals(kind.isDifferentiable(), metric instanceof DifferentiableMetric);
    Metric expected =
        switch (kind) {
          case LOGIT_DIFF -> Metric.logitDifference(7, 9);
          case LOGIT -> Metric.logit(7);
          case PROB_DIFF -> Metric.probability(7).minus(Metric.probability(9));
          case PROB -> Metric.probability(7);
          case LOGPROB -> Metric.logProbability(7);
          case KL -> Metric.divergence(lens, CLEAN);
          case ENTROPY -> Metric.entropy();
          case ACCURACY -> Metric.accuracy(new int[] {7}, new int[] {9});
        };
    TextPair pair = bound.pair(lens, CLEAN, CORRUPTED);
    assertEquals(expected.of(lens, CORRUPTED), pair.forwardMetric().of(lens, CORRUPTED));
    assertEquals(kind.needsAnswers(), !bound.answers().isEmpty());
  }

  @Test
  void readsSetsAndFixedTokens() {
    MetricSpec spec = MetricSpec.parse("prob-diff:#7,#8/#9");
    assertEquals("prob-diff:#7,#8/#9", spec.toString());
    MetricSpec.Bound bound = spec.bind(model, List.of("ignored"), List.of(), "");
    assertEquals(List.of(7, 8), bound.answers());
    assertEquals(List.of(9), bound.wrong());
    int comma = model.tokenizer().token(",");
    assertEquals(
        List.of(comma),
        MetricSpec.parse("prob").bind(model, List.of(","), List.of(), "").answers());
    assertEquals(
        List.of(7, 9),
        MetricSpec.parse("PROB").bind(model, List.of("#7,#9,#7"), List.of(), "").answers());
    assertEquals(MetricSpec.of(MetricKind.KL), MetricSpec.parse("kl"));
  }

  /** The answer has the tokens that it has after a text. */
  @Test
  void logprobReadsAnswersOfSeveralTokens() {
    int[] text = model.tokenizer().encode("The king");
    int[] whole = model.tokenizer().encode("The king is dead, my lord");
    MetricSpec.Bound bound =
        MetricSpec.parse("logprob").bind(model, List.of(" is dead, my lord"), List.of(), "");
    assertArrayEquals(Arrays.copyOf(whole, whole.length - 1), bound.text(text));
    assertEquals(whole.length - text.length, bound.metric(lens, text).positions());
    assertArrayEquals(
        text, MetricSpec.parse("kl").bind(model, List.of(), List.of(), "").text(text));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "magic | metric magic: unknown; available: logit-diff, logit, prob-diff",
        "kl:#7 | metric kl:#7: kl reads no answer",
        "prob: | metric prob:: has no answer after the colon",
        "prob-diff:#7 | metric prob-diff:#7: must have wrong answers after a slash",
        "prob-diff | answer of line 2: required by metric prob-diff",
        "logit:to be or | answer of line 2 to be or: must be a single token",
      })
  void rejectsInvalidSpecifications(String text, String expected) {
    String message =
        assertThrows(
                InvalidInputException.class,
                () -> MetricSpec.parse(text).bind(model, List.of(), List.of(), " of line 2"))
            .getMessage();
    assertTrue(message.startsWith(expected), message);
  }

  /** A text may be contrasted with its own token, but a pair must have two answers. */
  @Test
  void pairsHaveDifferentAnswers() {
    MetricSpec spec = MetricSpec.parse("logit-diff:#7/#9,#7");
    MetricSpec.Bound bound = spec.bind(model, List.of(), List.of(), "");
    var text = new PairText("The king", "The queen", List.of(), List.of());
    assertEquals(
        "wrong answer of line 2 7: must differ from the correct answer",
        assertThrows(InvalidInputException.class, () -> text.bind(lens, bound, " of line 2"))
            .getMessage());
    assertThrows(InvalidInputException.class, () -> bound.pair(lens, CLEAN, CORRUPTED));
    assertEquals(
        0,
        MetricSpec.parse("logit-diff:#7/#7")
            .bind(model, List.of(), List.of(), "")
            .metric(lens, CLEAN)
            .of(lens, CLEAN));
  }

  @Test
  void rejectsMetricsWithoutGradient() {
    MetricSpec accuracy = MetricSpec.of(MetricKind.ACCURACY);
    assertEquals(
        "metric accuracy: has no gradient, which EAP uses",
        assertThrows(InvalidInputException.class, () -> accuracy.requireDifferentiable("EAP"))
            .getMessage());
    MetricSpec kl = MetricSpec.of(MetricKind.KL);
    kl.requireDifferentiable("EAP");
    assertThrows(InvalidInputException.class, () -> kl.requireCleanGradient("EAP"));
  }

  /** The page has a line for each metric, as the command line describes it. */
  @ParameterizedTest
  @EnumSource(MetricKind.class)
  void pageListsMetrics(MetricKind kind) throws IOException {
    String page = Files.readString(Path.of("..", "..", "docs", "lens", "metrics.md"));
    String line = "| `" + kind.key() + "` | " + kind.unit() + " | " + kind.description() + " |";
    assertTrue(page.contains(line), line);
  }
}

package dev.vidrio.lens.attribute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A row of the matrix is what the attribution of the text up to its token gives. */
class AnswerAttributionTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90, 12, 300};
  private static final int FROM = 5;
  private static final Answer ANSWER = new Answer(TOKENS, FROM, Metric::logit);

  @TempDir Path directory;

  /** Returns the tokens before a token of the answer. */
  private static int[] before(int[] tokens, int from, int i) {
    return Arrays.copyOf(tokens, from + i);
  }

  private static void assertRow(
      List<Double> expected, AnswerAttribution actual, int row, double tolerance) {
    double magnitude = expected.stream().mapToDouble(Math::abs).max().orElseThrow();
    for (int j = 0; j < expected.size(); j++) {
      double found = actual.scores().get(row).get(j);
      assertEquals(expected.get(j), found, tolerance * magnitude, row + ", " + j);
    }
    for (int j = expected.size(); j < actual.inputs().size(); j++) {
      assertTrue(Double.isNaN(actual.scores().get(row).get(j)));
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void gradientsHaveTheBitsOfEachText(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    int from = tokens.length - 3;
    var answer = new Answer(tokens, from, Metric::logit);
    try (Model tiny = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens own = Lens.of(tiny);
      AnswerAttribution products = GradientAttribution.timesInput(own, answer);
      AnswerAttribution relevance =
          GradientAttribution.relevance(own, answer, GradientRules.ATTN_LRP);
      for (int i = 0; i < answer.length(); i += 2) {
        int[] text = before(tokens, from, i);
        InputAttribution product = GradientAttribution.timesInput(own, text, answer.metric(i));
        assertRow(product.scores(), products, i, 0);
        assertEquals(product.value(), products.values().get(i));
        assertRow(
            GradientAttribution.relevance(own, text, answer.metric(i), GradientRules.ATTN_LRP)
                .scores(),
            relevance,
            i,
            0);
      }
    }
  }

  @Test
  void gradientMethodsEqualThoseOfEachText() {
    AnswerAttribution norm = GradientAttribution.norm(lens, ANSWER);
    float[] baseline = InputAttribution.embedding(lens, 9);
    AnswerAttribution integrated = IntegratedGradients.of(lens, ANSWER, 3, baseline);
    AnswerAttribution smooth = SmoothGrad.of(lens, ANSWER, 2, 0, 1);
    for (int i = 0; i < ANSWER.length(); i++) {
      int[] text = before(TOKENS, FROM, i);
      assertRow(GradientAttribution.norm(lens, text, ANSWER.metric(i)).scores(), norm, i, 0);
      InputAttribution expected = IntegratedGradients.of(lens, text, ANSWER.metric(i), 3, baseline);
      assertRow(expected.scores(), integrated, i, 1e-5);
      assertEquals(expected.value(), integrated.values().get(i));
      assertEquals(expected.explained(), integrated.explained().get(i));
      assertRow(
          GradientAttribution.timesInput(lens, text, ANSWER.metric(i)).scores(), smooth, i, 1e-5);
    }
  }

  @Test
  void noiseDependsOnItsSeedAlone() {
    AnswerAttribution first = SmoothGrad.of(lens, ANSWER, 2, 0.1, 42);
    assertEquals(first, SmoothGrad.of(lens, ANSWER, 2, 0.1, 42));
    assertTrue(!first.equals(SmoothGrad.of(lens, ANSWER, 2, 0.1, 43)));
  }

  /** Parts of a long answer have the gradients of the whole. */
  @Test
  void runsLongAnswersInParts() {
    int n = TOKENS.length - 1;
    var whole = new float[ANSWER.length()][];
    var parts = new float[ANSWER.length()][];
    int logits = 3 * model.architecture().vocabulary();
    try (var all = new AnswerGradients(lens, ANSWER, GradientRules.EXACT, true);
        var some = new AnswerGradients(lens, ANSWER, GradientRules.EXACT, true, logits)) {
      List<Intervention> edits =
          List.of(Intervention.scale(InputAttribution.INPUT, 0.5f).positions(0, n));
      double[] values = all.run(edits, (i, dx) -> whole[i] = dx.row(1));
      assertTrue(Arrays.equals(values, some.run(edits, (i, dx) -> parts[i] = dx.row(1))));
    }
    for (int i = 0; i < whole.length; i++) {
      assertTrue(Arrays.equals(whole[i], parts[i]), "token " + i);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Removal.By.class,
      names = {"ZERO", "HIDE"})
  void occlusionEqualsThatOfEachText(Removal.By by) {
    Removal removal = by == Removal.By.ZERO ? Removal.zero() : Removal.hide();
    List<TokenSpan> spans = TokenSpan.tokens(0, TOKENS.length - 1);
    AnswerAttribution actual = Occlusion.of(lens, ANSWER, spans, removal);
    for (int i = 0; i < ANSWER.length(); i++) {
      int[] text = before(TOKENS, FROM, i);
      Occlusion expected = Occlusion.of(lens, text, removal, ANSWER.metric(i));
      assertRow(IntStream.range(0, text.length).mapToObj(expected::effect).toList(), actual, i, 0);
    }
  }

  @Test
  void occlusionOfSpansRemovesAllTheirTokens() {
    List<TokenSpan> spans = List.of(new TokenSpan(0, 2), new TokenSpan(3, 6));
    Metric metric = Metric.logit(7);
    Occlusion zero = Occlusion.of(lens, TOKENS, spans, Removal.zero(), metric);
    Occlusion replaced = Occlusion.of(lens, TOKENS, spans, Removal.replace(lens, 9), metric);
    Intervention both = Intervention.zero(HookPoint.of(HookSite.EMBED)).positions(3, 6);
    assertEquals(metric.of(lens, TOKENS, List.of(both)), zero.without().getLast());
    int[] other = TOKENS.clone();
    Arrays.fill(other, 3, 6, 9);
    assertEquals(metric.of(lens, other), replaced.without().getLast());
    assertEquals(metric.of(lens, TOKENS), replaced.metric());
  }

  @Test
  void addsUpOverSpans() {
    AnswerAttribution tokens = GradientAttribution.timesInput(lens, Answer.of(TOKENS, FROM));
    List<TokenSpan> inputs = List.of(new TokenSpan(0, 3), new TokenSpan(3, 7));
    List<TokenSpan> outputs = List.of(new TokenSpan(5, 6), new TokenSpan(6, 9));
    AnswerAttribution spans = tokens.byInputs(inputs).byOutputs(outputs);
    assertEquals(inputs, spans.inputs());
    assertEquals(outputs, spans.outputs());
    double values = 0;
    double sum = 0;
    for (int i = 1; i < 4; i++) {
      values += tokens.values().get(i);
      for (int j = 3; j < Math.min(7, FROM + i); j++) {
        sum += tokens.scores().get(i).get(j);
      }
    }
    assertEquals(values, spans.values().getLast(), 1e-12);
    assertEquals(sum, spans.scores().getLast().getLast(), 1e-9);
    double all = tokens.totals().stream().limit(7).mapToDouble(Double::doubleValue).sum();
    assertEquals(all, spans.totals().stream().mapToDouble(Double::doubleValue).sum(), 1e-9);
    InputAttribution single = GradientAttribution.timesInput(lens, TOKENS, Metric.logit(7));
    assertEquals(
        single.scores().get(3) + single.scores().get(4) + single.scores().get(5),
        single.by(List.of(new TokenSpan(3, 6))).getFirst(),
        1e-12);
  }

  @Test
  void rejectsInvalidInputs() {
    assertThrows(InvalidInputException.class, () -> Answer.of(TOKENS, 0));
    assertThrows(InvalidInputException.class, () -> Answer.of(TOKENS, TOKENS.length));
    assertThrows(InvalidInputException.class, () -> new TokenSpan(3, 3));
    float[] narrow = new float[3];
    assertThrows(
        InvalidInputException.class, () -> IntegratedGradients.of(lens, ANSWER, 1, narrow));
    assertThrows(InvalidInputException.class, () -> SmoothGrad.of(lens, ANSWER, 0, 0.1, 1));
    List<TokenSpan> overlapping = List.of(new TokenSpan(0, 3), new TokenSpan(2, 4));
    assertThrows(
        InvalidInputException.class, () -> Occlusion.of(lens, ANSWER, overlapping, Removal.zero()));
    List<TokenSpan> beyond = List.of(new TokenSpan(0, TOKENS.length));
    assertThrows(
        InvalidInputException.class, () -> Occlusion.of(lens, ANSWER, beyond, Removal.zero()));
  }
}

package dev.vidrio.lens.attribute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SpanGameTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90, 12, 300};
  private static final int FROM = 7;
  private static final List<TokenSpan> SPANS =
      List.of(
          new TokenSpan(0, 1),
          new TokenSpan(1, 3),
          new TokenSpan(3, 4),
          new TokenSpan(4, 6),
          new TokenSpan(6, 7));

  private static SpanGame game(Removal removal) {
    return SpanGame.of(lens, Answer.of(TOKENS, FROM), SPANS, removal);
  }

  /** Returns the value of a set for a token of the answer, by a run of its own. */
  private static double value(BitSet present, int row) {
    List<Intervention> removed = new ArrayList<>();
    for (int s = 0; s < SPANS.size(); s++) {
      if (!present.get(s)) {
        TokenSpan span = SPANS.get(s);
        removed.add(
            Intervention.zero(HookPoint.of(HookSite.EMBED)).positions(span.from(), span.to()));
      }
    }
    int[] text = Arrays.copyOf(TOKENS, FROM + row);
    return Metric.logProbability(TOKENS[FROM + row]).of(lens, text, removed);
  }

  private static BitSet set(int... spans) {
    var set = new BitSet();
    Arrays.stream(spans).forEach(set::set);
    return set;
  }

  private static void assertEfficient(SpanGame game, AnswerAttribution attribution) {
    for (int row = 0; row < game.rows(); row++) {
      double gained = game.whole()[row] - game.empty()[row];
      assertEquals(gained, attribution.sum(row), 1e-9);
      assertEquals(gained, attribution.explained().get(row));
    }
  }

  private static void assertClose(
      AnswerAttribution expected, AnswerAttribution actual, double tolerance) {
    for (int row = 0; row < expected.scores().size(); row++) {
      for (int i = 0; i < SPANS.size(); i++) {
        assertEquals(expected.scores().get(row).get(i), actual.scores().get(row).get(i), tolerance);
      }
    }
  }

  @Test
  void valuesAreThoseOfSingleRuns() {
    SpanGame game = game(Removal.zero());
    List<BitSet> sets = List.of(set(), set(0, 1, 2, 3, 4), set(1, 4), set(0, 2, 3), set(1, 4));
    double[][] values = game.values(sets);
    for (int i = 0; i < values.length; i++) {
      for (int row = 0; row < 2; row++) {
        assertEquals(value(sets.get(i), row), values[i][row], sets.get(i).toString());
      }
    }
    assertEquals(4, game.evaluated());
  }

  @ParameterizedTest
  @ValueSource(strings = {"falcon-h1", "gemma3n"})
  void servesOtherArchitectures(String name, @TempDir Path directory) throws IOException {
    int[] tokens = {3, 5, 7, 9};
    List<TokenSpan> spans = TokenSpan.tokens(0, 3);
    Path file = TinyModels.write(directory.resolve(name + ".gguf"), name);
    try (Model tiny = Model.open(file)) {
      Lens own = Lens.of(tiny);
      var answer = Answer.of(tokens, 3);
      var game = SpanGame.of(own, answer, spans, Removal.zero());
      Intervention middle = Intervention.zero(HookPoint.of(HookSite.EMBED)).position(1);
      assertEquals(
          Metric.logProbability(9).of(own, answer.input(), List.of(middle)),
          game.values(List.of(set(0, 2)))[0][0]);
      assertEfficient(game, ShapleyValues.exact(game));
    }
  }

  /** The definition: the mean gain over all orders. */
  @Test
  void exactShapleyValuesAreMeansOverOrders() {
    SpanGame game = game(Removal.hide());
    AnswerAttribution exact = ShapleyValues.exact(game);
    List<List<Integer>> orders = new ArrayList<>();
    permute(new ArrayList<>(), orders);
    assertEquals(120, orders.size());
    for (int row = 0; row < game.rows(); row++) {
      var sums = new double[SPANS.size()];
      for (List<Integer> order : orders) {
        var present = new BitSet();
        for (int i : order) {
          double before = game.values(List.of(present))[0][row];
          present.set(i);
          sums[i] += game.values(List.of(present))[0][row] - before;
        }
      }
      for (int i = 0; i < sums.length; i++) {
        assertEquals(sums[i] / 120, exact.scores().get(row).get(i), 1e-12);
      }
    }
    assertEfficient(game, exact);
  }

  private static void permute(List<Integer> begun, List<List<Integer>> orders) {
    if (begun.size() == SPANS.size()) {
      orders.add(List.copyOf(begun));
    }
    for (int i = 0; i < SPANS.size(); i++) {
      if (!begun.contains(i)) {
        begun.add(i);
        permute(begun, orders);
        begun.removeLast();
      }
    }
  }

  @Test
  void sampledShapleyValuesAddUpAndApproachExactOnes() {
    SpanGame game = game(Removal.zero());
    AnswerAttribution exact = ShapleyValues.exact(game);
    ShapleyValues.Sampled one = ShapleyValues.sampled(game, 1, 3);
    assertEfficient(game, one.attribution());
    assertTrue(Double.isNaN(one.halfWidths().getFirst().getFirst()));
    ShapleyValues.Sampled many = ShapleyValues.sampled(game, 400, 3);
    assertEfficient(game, many.attribution());
    for (int row = 0; row < game.rows(); row++) {
      for (int i = 0; i < SPANS.size(); i++) {
        double error = exact.scores().get(row).get(i) - many.attribution().scores().get(row).get(i);
        double width = many.halfWidths().get(row).get(i);
        assertTrue(Math.abs(error) <= 2 * width + 1e-9, error + " of " + width);
      }
    }
    assertEquals(many, ShapleyValues.sampled(game, 400, 3));
  }

  @Test
  void kernelShapOfAllSetsIsShapleyValues() {
    SpanGame game = game(Removal.zero());
    AnswerAttribution fitted = KernelShap.of(game, 30, 1);
    assertEquals(32, game.evaluated());
    assertClose(ShapleyValues.exact(game), fitted, 1e-9);
    AnswerAttribution sampled = KernelShap.of(game, 20, 1);
    assertEfficient(game, sampled);
  }

  @Test
  void kernelShapOfOneSpan() {
    var game =
        SpanGame.of(lens, TOKENS, List.of(new TokenSpan(2, 5)), Removal.zero(), Metric.logit(7));
    assertEfficient(game, KernelShap.of(game, 1, 1));
  }

  /** The gradient of the penalized loss with respect to each coefficient is zero. */
  @Test
  void limeMinimizesItsLoss() {
    SpanGame game = game(Removal.zero());
    AnswerAttribution fitted = Lime.of(game, 32, 1);
    int k = SPANS.size();
    for (int row = 0; row < game.rows(); row++) {
      double weights = 0;
      double rest = 0;
      for (boolean slope : new boolean[] {false, true}) {
        double intercept = slope ? rest / weights : 0;
        var residuals = new double[k];
        for (int bits = 0; bits < 32; bits++) {
          BitSet set = BitSet.valueOf(new long[] {bits});
          double distance = 1 - Math.sqrt(set.cardinality() / (double) k);
          double weight = Math.exp(-distance * distance / (2 * 0.25 * 0.25));
          double predicted = intercept;
          for (int i = 0; i < k; i++) {
            predicted += set.get(i) ? fitted.scores().get(row).get(i) : 0;
          }
          double error = value(set, row) - predicted;
          if (!slope) {
            weights += weight;
            rest += weight * error;
          }
          for (int i = 0; i < k; i++) {
            residuals[i] += set.get(i) ? weight * error : 0;
          }
        }
        for (int i = 0; slope && i < k; i++) {
          assertEquals(fitted.scores().get(row).get(i), residuals[i], 1e-9);
        }
      }
    }
  }

  @Test
  void limeDependsOnItsSeedAlone() {
    SpanGame game = game(Removal.zero());
    assertEquals(Lime.of(game, 12, 5), Lime.of(game, 12, 5));
  }

  @Test
  void faithfulnessRemovesAndKeepsTheFirstSpans() {
    SpanGame game = game(Removal.zero());
    Faithfulness measured =
        Faithfulness.of(game, List.of(0.1, 3.0, -1.0, 2.0, 0.0), List.of(0.2, 0.4, 0.5));
    double whole = sum(set(0, 1, 2, 3, 4));
    assertEquals(whole - sum(set(0, 2, 3, 4)), measured.comprehensiveness().get(0), 1e-12);
    assertEquals(whole - sum(set(1)), measured.sufficiency().get(0), 1e-12);
    assertEquals(whole - sum(set(0, 2, 4)), measured.comprehensiveness().get(1), 1e-12);
    assertEquals(whole - sum(set(1, 3)), measured.sufficiency().get(1), 1e-12);
    assertEquals(whole - sum(set(2, 4)), measured.comprehensiveness().get(2), 1e-12);
    assertEquals(whole - sum(set(0, 1, 3)), measured.sufficiency().get(2), 1e-12);
    double mean =
        measured.comprehensiveness().stream().mapToDouble(Double::doubleValue).average().orElse(0);
    assertEquals(mean, measured.comprehensivenessArea());
    List<Faithfulness> random = Faithfulness.random(game, 8, 1, List.of(0.2));
    assertEquals(8, random.size());
    assertEquals(8, Faithfulness.areas(random).getFirst().count());
    assertEquals(
        0, Faithfulness.of(game, List.of(1.0, 1.0, 1.0, 1.0, 1.0), List.of(1.0)).sufficiencyArea());
  }

  private static double sum(BitSet present) {
    return IntStream.range(0, 2).mapToDouble(row -> value(present, row)).sum();
  }

  @Test
  void rejectsInvalidInputs() {
    SpanGame game = game(Removal.zero());
    List<TokenSpan> many = TokenSpan.tokens(0, 17);
    int[] text = IntStream.range(0, 20).toArray();
    var large = SpanGame.of(lens, text, many, Removal.zero(), Metric.logit(1));
    assertThrows(InvalidInputException.class, () -> ShapleyValues.exact(large));
    assertThrows(InvalidInputException.class, () -> ShapleyValues.sampled(game, 0, 1));
    assertThrows(InvalidInputException.class, () -> KernelShap.of(game, 2, 1));
    assertThrows(InvalidInputException.class, () -> Lime.of(game, 0, 1));
    assertThrows(
        InvalidInputException.class, () -> Faithfulness.of(game, List.of(1.0), List.of(0.5)));
    assertThrows(InvalidInputException.class, () -> Faithfulness.random(game, 1, 1, List.of(1.5)));
    assertThrows(
        InvalidInputException.class,
        () -> SpanGame.of(lens, TOKENS, List.of(), Removal.zero(), Metric.logit(1)));
  }
}

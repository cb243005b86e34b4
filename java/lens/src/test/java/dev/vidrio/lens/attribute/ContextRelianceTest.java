package dev.vidrio.lens.attribute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.attribute.ContextReliance.Token;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ContextRelianceTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90, 12, 300};
  private static final int FROM = 6;
  private static final Answer ANSWER = Answer.of(TOKENS, FROM);
  private static final TokenSpan CONTEXT = new TokenSpan(1, 4);

  @Test
  void comparesPredictionsWithAndWithoutTheContext() {
    ContextReliance reliance = ContextReliance.of(lens, ANSWER, CONTEXT);
    double information = 0;
    for (int i = 0; i < ANSWER.length(); i++) {
      int[] with = Arrays.copyOf(TOKENS, FROM + i);
      int[] without =
          IntStream.range(0, with.length).filter(p -> p < 1 || p >= 4).map(p -> with[p]).toArray();
      Metric own = Metric.logProbability(TOKENS[FROM + i]);
      Token token = reliance.tokens().get(i);
      assertEquals(TOKENS[FROM + i], token.token());
      assertEquals(own.of(lens, with), token.with());
      assertEquals(own.of(lens, without), token.without());
      assertEquals(Metric.divergence(lens, with).of(lens, without), token.divergence(), 1e-9);
      information += token.with() - token.without();
    }
    assertEquals(information, reliance.information(), 1e-12);
  }

  @Test
  void findsTheMostLikelyTokenWithoutTheContext() {
    Token first = ContextReliance.of(lens, ANSWER, CONTEXT).tokens().getFirst();
    int[] without = {5, 31, 8};
    double best = Metric.logit(first.likely()).of(lens, without);
    for (int w = 0; w < model.architecture().vocabulary(); w += 17) {
      assertEquals(Math.max(best, Metric.logit(w).of(lens, without)), best);
    }
  }

  @Test
  void removesTheContextAtItsPositions() {
    ContextReliance hidden = ContextReliance.of(lens, ANSWER, CONTEXT, Removal.hide());
    var occluded =
        Occlusion.of(
            lens,
            Arrays.copyOf(TOKENS, FROM),
            List.of(CONTEXT),
            Removal.hide(),
            Metric.logProbability(TOKENS[FROM]));
    assertEquals(occluded.without().getFirst(), hidden.tokens().getFirst().without());
    assertEquals(occluded.effect(0), hidden.tokens().getFirst().information());
  }

  /** The mean plus the standard deviation over the tokens of the answer. */
  @Test
  void marksTokensThatDependOnTheContext() {
    ContextReliance reliance = ContextReliance.of(lens, ANSWER, CONTEXT);
    double[] divergences = reliance.tokens().stream().mapToDouble(Token::divergence).toArray();
    double mean = Arrays.stream(divergences).sum() / 3;
    double squares = Arrays.stream(divergences).map(kl -> kl * kl).sum() / 3;
    assertEquals(mean + Math.sqrt(squares - mean * mean), reliance.threshold(), 1e-9);
  }

  @Test
  void rejectsContextsOutsideThePrompt() {
    var late = new TokenSpan(4, 7);
    var all = new TokenSpan(0, FROM);
    assertThrows(InvalidInputException.class, () -> ContextReliance.of(lens, ANSWER, late));
    assertThrows(InvalidInputException.class, () -> ContextReliance.of(lens, ANSWER, all));
  }
}

package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.Arrays;
import java.util.List;

/**
 * Occlusion (Zeiler and Fergus 2014, arXiv 1311.2901; of words: Li et al. 2016, arXiv 1612.08220):
 * the loss of a metric when a token, or a span of tokens, is removed from the text.
 *
 * @param metric of the whole text
 * @param without the metric without each token or span
 * @see "docs/lens/attribution.md"
 */
public record Occlusion(double metric, List<Double> without) {
  public Occlusion {
    without = List.copyOf(without);
  }

  /**
   * Removes each token of a text in turn.
   *
   * @throws InvalidInputException if the model does not support the tokens, or if they are to be
   *     hidden and the model mixes tokens by other means than attention
   */
  public static Occlusion of(Lens lens, int[] tokens, Removal removal, Metric metric) {
    Preconditions.requireTokens(lens.model(), tokens);
    return of(lens, tokens, TokenSpan.tokens(0, tokens.length), removal, metric);
  }

  /**
   * Removes each span of a text in turn.
   *
   * @param spans in order, without overlap
   * @throws InvalidInputException if spans overlap or exceed the text, the model does not support
   *     the tokens, or spans are to be hidden and the model mixes tokens by other means than
   *     attention
   */
  public static Occlusion of(
      Lens lens, int[] tokens, List<TokenSpan> spans, Removal removal, Metric metric) {
    Preconditions.requireTokens(lens.model(), tokens);
    var game = SpanGame.of(lens, tokens, spans, removal, metric);
    double[][] values = game.oneLess();
    return new Occlusion(game.whole()[0], Arrays.stream(values).map(value -> value[0]).toList());
  }

  /**
   * Removes each span of the input of an answer in turn, with the answer's tokens given: the loss
   * of the metric of each token of the answer.
   *
   * @param spans of the prompt or of the answer, in order, without overlap
   * @throws InvalidInputException as for a text
   */
  public static AnswerAttribution of(
      Lens lens, Answer answer, List<TokenSpan> spans, Removal removal) {
    return of(SpanGame.of(lens, answer, spans, removal));
  }

  /** Removes each span of a game in turn: the loss of each of its values. */
  public static AnswerAttribution of(SpanGame game) {
    double[][] values = game.oneLess();
    double[] whole = game.whole();
    var scores = new double[game.rows()][game.size()];
    for (int i = 0; i < scores.length; i++) {
      for (int s = 0; s < game.size(); s++) {
        scores[i][s] = game.isBefore(s, i) ? whole[i] - values[s][i] : Double.NaN;
      }
    }
    return game.attribution(scores, Double.NaN);
  }

  /** Returns the loss of the metric without a token: positive if the token increases it. */
  public double effect(int j) {
    return metric - without.get(j);
  }
}

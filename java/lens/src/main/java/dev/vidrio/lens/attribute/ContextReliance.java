package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.evaluation.Divergence;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Does a model take its answer from a context, such as a retrieved document, or from its memory?
 * Compares the predictions of each token of an answer with and without the context:
 *
 * <ul>
 *   <li>P-CXMI, {@code log p(y_t | x, C, y_<t) − log p(y_t | x, y_<t)}, the pointwise cross-mutual
 *       information (Fernandes et al. 2021, arXiv 2105.03482; 2023, arXiv 2109.07446)
 *   <li>{@code KL(p(· | x, C, y_<t) ‖ p(· | x, y_<t))}, which finds tokens that depend on the
 *       context as the first step of PECoRe does (Sarti et al. 2024, arXiv 2310.01188)
 * </ul>
 *
 * <p>Another metric of the answer's tokens replaces the log-probability: {@link Token#information}
 * is then its difference.
 *
 * @param context the removed span
 * @param from the position of the first token of the answer
 * @param tokens a comparison per token of the answer
 * @see "docs/lens/answers.md"
 */
public record ContextReliance(TokenSpan context, int from, List<Token> tokens) {
  /**
   * The predictions of a token of the answer.
   *
   * @param token its id
   * @param with its log-probability in nats, or the metric, with the context
   * @param without its log-probability in nats, or the metric, without the context
   * @param divergence {@code KL(with ‖ without)} of the whole predictions, in nats
   * @param likely the most likely token without the context
   */
  public record Token(int token, double with, double without, double divergence, int likely) {
    /** Returns the pointwise cross-mutual information, or the difference of the metric. */
    public double information() {
      return with - without;
    }
  }

  public ContextReliance {
    tokens = List.copyOf(tokens);
  }

  /**
   * Compares predictions with the context and without its tokens, so that later tokens move to
   * earlier positions.
   *
   * @param answer with the metric of its tokens
   * @param context in the prompt
   * @throws InvalidInputException if the context is not in the prompt or is all of it, or the model
   *     does not support the tokens
   */
  public static ContextReliance of(Lens lens, Answer answer, TokenSpan context) {
    require(answer, context);
    int[] tokens = answer.input();
    int[] without =
        IntStream.range(0, tokens.length)
            .filter(i -> i < context.from() || i >= context.to())
            .map(i -> tokens[i])
            .toArray();
    return of(lens, answer, context, without, null);
  }

  /**
   * Compares predictions with the context and with its tokens removed at their positions.
   *
   * @param answer with the metric of its tokens
   * @param context in the prompt
   * @throws InvalidInputException as for the text without the tokens, or if the tokens are to be
   *     hidden and the model mixes tokens by other means than attention
   */
  public static ContextReliance of(Lens lens, Answer answer, TokenSpan context, Removal removal) {
    require(answer, context);
    removal.require(lens);
    return of(lens, answer, context, answer.input(), removal);
  }

  private static void require(Answer answer, TokenSpan context) {
    String range = context.from() + ":" + context.to();
    Preconditions.require(
        context.to() <= answer.from(), "context", range, "must end before the answer");
    Preconditions.require(
        context.length() < answer.from(), "context", range, "must not be the whole prompt");
  }

  private static ContextReliance of(
      Lens lens, Answer answer, TokenSpan context, int[] less, @Nullable Removal removal) {
    int count = answer.length();
    List<Intervention> edits =
        removal == null ? List.of() : removal.of(lens, List.of(context), less.length);
    List<Token> compared = new ArrayList<>();
    try (ActivationCache whole = lens.run(answer.input(), last(answer.input(), count));
        ActivationCache removed = lens.run(less, last(less, count), edits)) {
      int[] tokens = answer.tokens();
      for (int i = 0; i < count; i++) {
        int token = tokens[answer.from() + i];
        MemorySegment with = row(whole, i);
        MemorySegment without = row(removed, i);
        compared.add(
            new Token(
                token,
                answer.metric(i).of(with),
                answer.metric(i).of(without),
                Math.max(0, Divergence.divergence(with, without)),
                likely(removed.get(HookSite.LOGITS).row(i))));
      }
    }
    return new ContextReliance(context, answer.from(), compared);
  }

  private static Capture last(int[] tokens, int count) {
    return Capture.of(HookPoint.of(HookSite.LOGITS).name())
        .positions(tokens.length - count, tokens.length);
  }

  private static MemorySegment row(ActivationCache cache, int i) {
    Activation logits = cache.get(HookSite.LOGITS);
    long bytes = (long) logits.shape().getLast() * Float.BYTES;
    return logits.data().asSlice(i * bytes, bytes);
  }

  private static int likely(float[] logits) {
    int best = 0;
    for (int w = 1; w < logits.length; w++) {
      best = logits[w] > logits[best] ? w : best;
    }
    return best;
  }

  /**
   * Returns the sum of the information of all tokens: that of the answer in nats, or that of the
   * differences of the metric.
   */
  public double information() {
    return tokens.stream().mapToDouble(Token::information).sum();
  }

  /**
   * Returns the divergence from which on a token depends on the context: the mean plus one standard
   * deviation over the answer, as PECoRe selects tokens.
   */
  public double threshold() {
    double mean = tokens.stream().mapToDouble(Token::divergence).average().orElseThrow();
    double variance =
        tokens.stream()
            .mapToDouble(token -> (token.divergence - mean) * (token.divergence - mean))
            .average()
            .orElseThrow();
    return mean + Math.sqrt(variance);
  }
}

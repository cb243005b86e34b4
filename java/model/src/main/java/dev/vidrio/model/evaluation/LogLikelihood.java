package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.sampling.LogProbability;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;

/**
 * The log-likelihood of a continuation given a context, for tasks such as those of
 * lm-evaluation-harness. Tokenization follows that project: context and continuation are encoded
 * together, and the tokens after the length of the encoded context belong to the continuation.
 * Spaces at the end of the context belong to the continuation.
 *
 * @param logLikelihood the sum of the log-probabilities of the continuation's tokens, in nats
 * @param greedy true if each of them is the most likely token
 * @param tokens the number of tokens of the continuation
 */
public record LogLikelihood(double logLikelihood, boolean greedy, int tokens) {

  /**
   * A continuation to score.
   *
   * @param context the text before it; if empty, BOS or else EOS is used
   * @param continuation the text to score, not empty
   */
  public record Request(String context, String continuation) {}

  /** The tokens of a request, the context first, and their scores. */
  private static final class Scored {
    final int[] tokens;
    final int contextTokens;
    final double[] logProbabilities;
    final boolean[] mostLikely;

    Scored(int[] tokens, int contextTokens) {
      this.tokens = tokens;
      this.contextTokens = contextTokens;
      this.logProbabilities = new double[tokens.length - contextTokens];
      this.mostLikely = new boolean[tokens.length - contextTokens];
    }

    /** Scores the token after a position with the logits at it. */
    void take(int position, MemorySegment logits) {
      int token = tokens[position + 1];
      int at = position + 1 - contextTokens;
      logProbabilities[at] = LogProbability.of(logits, token);
      mostLikely[at] = isMostLikely(logits, token);
    }

    LogLikelihood result() {
      boolean greedy = true;
      for (boolean each : mostLikely) {
        greedy &= each;
      }
      return new LogLikelihood(
          Arrays.stream(logProbabilities).sum(), greedy, logProbabilities.length);
    }
  }

  /**
   * Scores continuations, several per step.
   *
   * @param options the element type of the cache and the arithmetic; sizes are ignored
   * @param progress receives the fraction done
   * @return a result for each request, in order
   * @throws InvalidInputException if a continuation adds no tokens, or exceeds the model's context
   *     length with its context
   */
  public static List<LogLikelihood> of(
      Model model, List<Request> requests, SessionOptions options, DoubleConsumer progress) {
    List<Scored> scores = new ArrayList<>();
    List<RowEvaluator.Input> inputs = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      Scored scored = encode(model, requests.get(i), i);
      int[] tokens = scored.tokens;
      scores.add(scored);
      inputs.add(
          new RowEvaluator.Input(
              Arrays.copyOf(tokens, tokens.length - 1), scored.contextTokens - 1));
    }
    RowEvaluator.run(
        model,
        RowEvaluator.logits(model),
        inputs,
        options,
        (i, position, logits) -> scores.get(i).take(position, logits),
        progress);
    return scores.stream().map(Scored::result).toList();
  }

  private static Scored encode(Model model, Request request, int index) {
    Tokenizer tokenizer = model.tokenizer();
    String context = request.context().stripTrailing();
    String spaces = request.context().substring(context.length());
    int[] before = tokenizer.encode(context, EncodeOptions.DEFAULT);
    int[] whole =
        tokenizer.encode(context + spaces + request.continuation(), EncodeOptions.DEFAULT);
    if (before.length == 0) {
      int start = tokenizer.bos().orElseGet(() -> tokenizer.eos().orElse(0));
      before = new int[] {start};
      whole = IntStream.concat(IntStream.of(start), IntStream.of(whole)).toArray();
    }
    int declared = model.architecture().contextLength();
    if (whole.length <= before.length) {
      throw new InvalidInputException(
          "request " + index, "", "the continuation adds no tokens to the context");
    }
    if (whole.length - 1 > declared) {
      throw new InvalidInputException(
          "request " + index,
          whole.length + " tokens",
          "the model was made for " + declared + " before the last");
    }
    return new Scored(whole, before.length);
  }

  private static boolean isMostLikely(MemorySegment logits, int token) {
    float value = logits.getAtIndex(JAVA_FLOAT, token);
    long n = logits.byteSize() / Float.BYTES;
    for (long i = 0; i < n; i++) {
      float other = logits.getAtIndex(JAVA_FLOAT, i);
      if (other > value || (other == value && i < token)) {
        return false;
      }
    }
    return true;
  }
}

package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.SessionOptions;
import dev.vidrio.model.sampling.LogProbability;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * How likely a continuation is after a context, for tasks such as those of lm-evaluation-harness,
 * whose tokenization this follows. Context and continuation are encoded together; the continuation
 * is what follows as many tokens as the context alone has. Spaces at the end of the context belong
 * to the continuation.
 *
 * @param logLikelihood the sum of the log-probabilities of the continuation's tokens, in nats
 * @param greedy whether each of them is the most likely one
 * @param tokens the number of these tokens
 */
public record LogLikelihood(double logLikelihood, boolean greedy, int tokens) {

  /**
   * A continuation to rate.
   *
   * @param context the text before; where it is empty, the model's BOS or else EOS stands for it
   * @param continuation the text to rate, not empty
   */
  public record Request(String context, String continuation) {}

  /** A request's tokens, those of the context first. */
  private static final class Rating {
    final int[] tokens;
    final int contextTokens;
    final double[] logProbabilities;
    final boolean[] greatest;

    Rating(int[] tokens, int contextTokens) {
      this.tokens = tokens;
      this.contextTokens = contextTokens;
      this.logProbabilities = new double[tokens.length - contextTokens];
      this.greatest = new boolean[tokens.length - contextTokens];
    }

    /** Rates the token after a position by the logits there. */
    void take(int position, MemorySegment logits) {
      int token = tokens[position + 1];
      int at = position + 1 - contextTokens;
      logProbabilities[at] = LogProbability.of(logits, token);
      greatest[at] = isGreatest(logits, token);
    }

    LogLikelihood result() {
      boolean greedy = true;
      for (boolean each : greatest) {
        greedy &= each;
      }
      return new LogLikelihood(
          Arrays.stream(logProbabilities).sum(), greedy, logProbabilities.length);
    }
  }

  /**
   * Rates continuations, several at a time.
   *
   * @param progress is told the fraction done
   * @return a result for each request, in order
   * @throws InvalidInputException when a continuation has no tokens or is, with its context, longer
   *     than the model was made for
   */
  public static List<LogLikelihood> of(
      Model model, List<Request> requests, DoubleConsumer progress) {
    return of(model, requests, SessionOptions.DEFAULT, progress);
  }

  /**
   * Rates continuations as they are when sessions compute in a certain way.
   *
   * @param options of which the type of the cache and {@code fast} count
   */
  public static List<LogLikelihood> of(
      Model model, List<Request> requests, SessionOptions options, DoubleConsumer progress) {
    List<Rating> ratings = new ArrayList<>();
    List<OutputRows.Input> inputs = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      Rating rating = encode(model, requests.get(i), i);
      int[] tokens = rating.tokens;
      ratings.add(rating);
      inputs.add(
          new OutputRows.Input(Arrays.copyOf(tokens, tokens.length - 1), rating.contextTokens - 1));
    }
    OutputRows.run(
        model,
        OutputRows.logits(model),
        inputs,
        options,
        (i, position, logits) -> ratings.get(i).take(position, logits),
        progress);
    return ratings.stream().map(Rating::result).toList();
  }

  private static Rating encode(Model model, Request request, int index) {
    Tokenizer tokenizer = model.tokenizer();
    String context = request.context().stripTrailing();
    String spaces = request.context().substring(context.length());
    int[] before = tokenizer.encode(context, EncodeOptions.DEFAULT);
    int[] whole =
        tokenizer.encode(context + spaces + request.continuation(), EncodeOptions.DEFAULT);
    if (before.length == 0) {
      int start = tokenizer.bos().orElseGet(() -> tokenizer.eos().orElse(0));
      before = new int[] {start};
      whole = prepend(start, whole);
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
    return new Rating(whole, before.length);
  }

  private static int[] prepend(int first, int[] rest) {
    int[] all = new int[rest.length + 1];
    all[0] = first;
    System.arraycopy(rest, 0, all, 1, rest.length);
    return all;
  }

  private static boolean isGreatest(MemorySegment logits, int token) {
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

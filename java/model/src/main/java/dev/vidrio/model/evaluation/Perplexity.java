package dev.vidrio.model.evaluation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.sampling.LogProbability;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodeOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * The perplexity {@code exp(−mean log p)} of a text, measured as llama.cpp does, so that figures
 * are comparable: the text is split into windows of n tokens, each window runs alone with its first
 * token replaced by BOS if the model expects one, and only tokens in its second half are scored, so
 * that each has a context of at least n/2. An incomplete last window is ignored.
 *
 * @param perplexity the perplexity
 * @param error its standard error, {@code perplexity · sd(log p) / sqrt(count − 1)}
 * @param meanNll the mean negative log-likelihood of a token, in nats
 * @param count the number of scored tokens
 * @param windows the number of windows
 * @param context n, the length of a window
 */
public record Perplexity(
    double perplexity, double error, double meanNll, int count, int windows, int context) {

  /** The length of llama.cpp's windows. */
  public static final int DEFAULT_CONTEXT = 512;

  /**
   * Measures the perplexity of a text.
   *
   * @param tokens the token ids, including BOS if the model expects it
   * @param context the length of a window, at least 4
   * @param options the element type of the cache and the arithmetic; sizes are ignored
   * @param progress receives the fraction done
   * @throws InvalidInputException if the text has fewer than two windows, or a window exceeds the
   *     model's context length
   */
  public static Perplexity of(
      Model model, int[] tokens, int context, SessionOptions options, DoubleConsumer progress) {
    int declared = model.architecture().contextLength();
    if (context < 4 || context > declared) {
      throw new InvalidInputException("context", context, "must be 4 to the model's " + declared);
    }
    int windows = tokens.length / context;
    if (windows < 2) {
      throw new InvalidInputException(
          "text", tokens.length + " tokens", "must fill two windows of " + context);
    }
    int first = context / 2;
    List<RowEvaluator.Input> inputs = new ArrayList<>();
    for (int w = 0; w < windows; w++) {
      int[] window = Arrays.copyOfRange(tokens, w * context, (w + 1) * context);
      replaceFirst(model, window);
      // The last token of a window predicts the next window, so its row is not needed.
      inputs.add(new RowEvaluator.Input(Arrays.copyOf(window, context - 1), first));
    }
    int perWindow = context - 1 - first;
    double[] nll = new double[windows * perWindow];
    RowEvaluator.run(
        model,
        RowEvaluator.logits(model),
        inputs,
        options,
        (w, position, logits) ->
            nll[w * perWindow + position - first] =
                -LogProbability.of(logits, tokens[w * context + position + 1]),
        progress);
    return of(nll, windows, context);
  }

  private static void replaceFirst(Model model, int[] window) {
    int[] empty = model.tokenizer().encode("", EncodeOptions.DEFAULT);
    int bos = model.tokenizer().bos().orElse(-1);
    if (empty.length > 0 && empty[0] == bos) {
      window[0] = bos;
    }
  }

  private static Perplexity of(double[] nll, int windows, int context) {
    double sum = 0;
    double squares = 0;
    for (double value : nll) {
      sum += value;
      squares += value * value;
    }
    double mean = sum / nll.length;
    double variance = Math.max(0, squares / nll.length - mean * mean);
    double perplexity = Math.exp(mean);
    double error = perplexity * Math.sqrt(variance / (nll.length - 1));
    return new Perplexity(perplexity, error, mean, nll.length, windows, context);
  }
}

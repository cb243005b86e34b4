package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * A text that ends with an answer, generated or given, and the metric of each token of the answer.
 * The token at position p is measured by the logits after position p − 1, so all tokens before it
 * are the input (teacher forcing).
 *
 * {@snippet file="LensExamplesTest.java" region="answer"}
 *
 * <p>Immutable.
 *
 * @see AnswerAttribution
 * @see "docs/lens/answers.md"
 */
public final class Answer {
  private final int[] tokens;
  private final int from;
  private final IntFunction<DifferentiableMetric> metric;

  /**
   * Creates an answer measured by any metric.
   *
   * @param tokens of the prompt and the answer; BOS is not added
   * @param from the position of the first token of the answer
   * @param metric returns the metric of a token of the answer, such as {@code Metric::logit}
   * @throws InvalidInputException if the prompt or the answer is empty
   */
  public Answer(int[] tokens, int from, IntFunction<DifferentiableMetric> metric) {
    Preconditions.require(from >= 1, "prompt", from + " tokens", "must have at least 1 token");
    Preconditions.require(
        from < tokens.length, "answer", tokens.length - from + " tokens", "must not be empty");
    this.tokens = tokens.clone();
    this.from = from;
    this.metric = metric;
  }

  /**
   * Returns an answer measured by log-probabilities. Their sum is that of the whole answer.
   *
   * @param tokens of the prompt and the answer; BOS is not added
   * @param from the position of the first token of the answer
   * @throws InvalidInputException if the prompt or the answer is empty
   */
  public static Answer of(int[] tokens, int from) {
    return new Answer(tokens, from, Metric::logProbability);
  }

  /** Returns the tokens of the prompt and the answer. */
  public int[] tokens() {
    return tokens.clone();
  }

  /** Returns the tokens of the prompt and the answer but the last, which predict the answer. */
  public int[] input() {
    return Arrays.copyOf(tokens, tokens.length - 1);
  }

  /** Returns the position of the first token of the answer. */
  public int from() {
    return from;
  }

  /** Returns the number of tokens of the answer. */
  public int length() {
    return tokens.length - from;
  }

  /**
   * Returns the metric of a token of the answer.
   *
   * @param i its index in the answer, from 0
   */
  public DifferentiableMetric metric(int i) {
    return metric.apply(tokens[from + i]);
  }

  /** Returns the metrics of all tokens of the answer. */
  List<DifferentiableMetric> metrics() {
    return IntStream.range(0, length()).mapToObj(this::metric).toList();
  }
}

package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import java.util.Arrays;
import java.util.List;

/**
 * A clean and a corrupted text of equal length, which differ in what the answer depends on, and the
 * metric that distinguishes them: the input of patching, attribution and circuit discovery. Methods
 * that accept several pairs return means over them.
 *
 * {@snippet file="LensExamplesTest.java" region="circuit"}
 *
 * <p>Immutable.
 *
 * @see "docs/lens/interventions.md"
 */
public final class TextPair {
  private final int[] clean;
  private final int[] corrupted;
  private final Metric metric;

  /**
   * Creates a pair with any metric.
   *
   * @param clean tokens of the text with the answer; BOS is not added
   * @param corrupted as many tokens of a text without it
   * @param metric of the logits after the last token, or the last {@link Metric#positions} tokens;
   *     methods with gradients need a {@link DifferentiableMetric}
   * @throws InvalidInputException if the texts differ in length, or have fewer tokens than the
   *     metric reads
   */
  public TextPair(int[] clean, int[] corrupted, Metric metric) {
    Preconditions.requireEqualLength(clean, corrupted);
    metric.requirePositions(clean);
    this.clean = clean.clone();
    this.corrupted = corrupted.clone();
    this.metric = metric;
  }

  /**
   * Returns a pair measured by a logit difference.
   *
   * @param answer the correct next token of the clean text
   * @param wrong another token
   * @throws InvalidInputException if the texts differ in length, or the tokens are equal
   */
  public static TextPair of(int[] clean, int[] corrupted, int answer, int wrong) {
    Preconditions.require(
        answer != wrong, "wrong answer", wrong, "must differ from the correct answer");
    return new TextPair(clean, corrupted, Metric.logitDifference(answer, wrong));
  }

  /**
   * Returns a pair measured by the log-probability of an answer. The tokens of the answer but the
   * last are appended to both texts.
   *
   * @param answer the tokens that follow the clean text, 1 or more
   * @throws InvalidInputException if the texts differ in length, or the answer is empty
   */
  public static TextPair ofAnswer(int[] clean, int[] corrupted, int[] answer) {
    return new TextPair(
        Metric.forced(clean, answer),
        Metric.forced(corrupted, answer),
        Metric.logProbability(answer));
  }

  /**
   * Tokenizes texts, with BOS if the model requires it, and answers.
   *
   * @throws InvalidInputException also if an answer is not a single token
   */
  public static TextPair of(
      Lens lens, String clean, String corrupted, String answer, String wrong) {
    var tokenizer = lens.model().tokenizer();
    return of(
        tokenizer.encode(clean),
        tokenizer.encode(corrupted),
        tokenizer.token(answer),
        tokenizer.token(wrong));
  }

  /** Returns the tokens of the text with the answer. */
  public int[] clean() {
    return clean.clone();
  }

  /** Returns the tokens of the text without the answer. */
  public int[] corrupted() {
    return corrupted.clone();
  }

  /**
   * Returns the metric of both, for methods that use its gradient.
   *
   * @throws InvalidInputException if it has none, as {@link Metric#accuracy}
   */
  public DifferentiableMetric metric() {
    if (metric instanceof DifferentiableMetric differentiable) {
      return differentiable;
    }
    throw new InvalidInputException("metric", "", "has no gradient, which this method uses");
  }

  /** Returns the metric of both, for methods that do not use its gradient. */
  public Metric forwardMetric() {
    return metric;
  }

  /**
   * Checks that there are pairs and that the model supports them.
   *
   * @throws InvalidInputException if there is none, or a text is empty or too long
   */
  public static void requireFit(Model model, List<TextPair> pairs) {
    Preconditions.require(!pairs.isEmpty(), "pairs of texts", "", "must be at least 1");
    pairs.forEach(pair -> Preconditions.requireTokens(model, pair.clean));
  }

  /** Returns the pair with the clean and the corrupted text exchanged. */
  public TextPair swapped() {
    return new TextPair(corrupted, clean, metric);
  }

  /**
   * Returns the number of leading tokens that both texts share, without those after which the
   * metric reads logits.
   */
  public int commonPrefix() {
    int first = Arrays.mismatch(clean, corrupted);
    int last = clean.length - metric.positions();
    return first < 0 ? last : Math.min(first, last);
  }

  /** Returns the number of tokens of each text. */
  public int length() {
    return clean.length;
  }
}

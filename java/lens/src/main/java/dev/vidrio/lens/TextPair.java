package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.plan.Inputs;
import dev.vidrio.model.Model;
import java.util.Arrays;
import java.util.List;

/**
 * Two texts of as many tokens that differ in what an answer depends on, and the number that tells
 * them apart: what interventions and circuits are about. Where they take several pairs, numbers and
 * estimates are means over them.
 */
public final class TextPair {
  private final int[] clean;
  private final int[] corrupted;
  private final DifferentiableMetric metric;

  /**
   * A pair that is judged by any number.
   *
   * @param clean tokens of the text that has the answer, used as they are
   * @param corrupted as many tokens of one that has it not
   * @param metric of the logits after the last token
   * @throws InvalidInputException when the texts differ in length
   */
  public TextPair(int[] clean, int[] corrupted, DifferentiableMetric metric) {
    Inputs.requireEqualLength(clean, corrupted);
    this.clean = clean.clone();
    this.corrupted = corrupted.clone();
    this.metric = metric;
  }

  /**
   * A pair that is judged by the difference of two logits.
   *
   * @param answer the right next token of the clean text
   * @param wrong another
   * @throws InvalidInputException when the texts differ in length, or the answers are the same
   */
  public static TextPair of(int[] clean, int[] corrupted, int answer, int wrong) {
    if (answer == wrong) {
      throw new InvalidInputException(
          "wrong answer", Integer.toString(wrong), "must be another token than the right one");
    }
    return new TextPair(clean, corrupted, Metric.logitDifference(answer, wrong));
  }

  /**
   * The same of texts, with BOS where the model wants it, and of answers as text.
   *
   * @throws InvalidInputException also when an answer is not one token
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

  /** The tokens of the text that has the answer. */
  public int[] clean() {
    return clean.clone();
  }

  /** The tokens of the text that has it not. */
  public int[] corrupted() {
    return corrupted.clone();
  }

  /** What both are judged by. */
  public DifferentiableMetric metric() {
    return metric;
  }

  /**
   * Checks that there are pairs, which a model can take.
   *
   * @throws InvalidInputException when there is none, or a text is empty or too long
   */
  public static void requireFit(Model model, List<TextPair> pairs) {
    if (pairs.isEmpty()) {
      throw new InvalidInputException("pairs of texts", "", "must be one or more");
    }
    pairs.forEach(pair -> Inputs.requireTokens(model, pair.clean));
  }

  /** The same with the texts the other way round: the clean one is what the corrupted one was. */
  public TextPair swapped() {
    return new TextPair(corrupted, clean, metric);
  }

  /** How many tokens both texts begin with alike; all but the last one, at most. */
  public int commonPrefix() {
    int first = Arrays.mismatch(clean, corrupted);
    return first < 0 ? clean.length - 1 : first;
  }

  /** Tokens of each text. */
  public int length() {
    return clean.length;
  }
}

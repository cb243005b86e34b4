package dev.vidrio.lens.dataset;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.TextPair;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A clean and a corrupted text with the answers that a metric reads: a line of a data set.
 *
 * @param clean the text with the right answer
 * @param corrupted a text of as many tokens with another answer; empty for methods that read one
 *     text
 * @param answers the right next tokens of the clean text, or a single answer of several tokens
 * @param wrong the tokens to contrast them with
 * @param properties further properties of the clean text by name, on which hypotheses of causal
 *     scrubbing depend, such as its template; may be empty
 * @see PairFile
 * @see "docs/lens/datasets.md"
 */
public record PairText(
    String clean,
    String corrupted,
    List<String> answers,
    List<String> wrong,
    Map<String, String> properties) {
  public PairText {
    answers = List.copyOf(answers);
    wrong = List.copyOf(wrong);
    properties = Collections.unmodifiableMap(new LinkedHashMap<>(properties));
  }

  /** Creates a pair without further properties. */
  public PairText(String clean, String corrupted, List<String> answers, List<String> wrong) {
    this(clean, corrupted, answers, wrong, Map.of());
  }

  /**
   * Tokenizes the texts, with BOS if the model requires it, and binds a metric to them.
   *
   * @param metric the metric with the tokens of this pair
   * @param where the pair, for errors, such as {@code " of line 3"}
   * @throws InvalidInputException if the texts are equal or differ in their number of tokens, or an
   *     answer is also a wrong one
   */
  public TextPair bind(Lens lens, MetricSpec.Bound metric, String where) {
    metric.requireDifferent(where);
    Tokenizer tokenizer = lens.model().tokenizer();
    int[] cleanIds = tokenizer.encode(clean);
    int[] corruptedIds = tokenizer.encode(corrupted);
    if (cleanIds.length != corruptedIds.length) {
      throw new InvalidInputException(
          "corrupted text" + where,
          corruptedIds.length + " tokens",
          "must have as many as the clean text: " + cleanIds.length);
    }
    if (Arrays.equals(cleanIds, corruptedIds)) {
      throw new InvalidInputException(
          "corrupted text" + where, corrupted, "must differ from the clean text");
    }
    return metric.pair(lens, cleanIds, corruptedIds);
  }

  /**
   * Tokenizes the texts and binds a metric to the texts and answers.
   *
   * @throws InvalidInputException also if an answer does not fit the metric
   */
  public TextPair bind(Lens lens, MetricSpec metric) {
    return bind(lens, metric.bind(lens.model(), answers, wrong, ""), "");
  }
}

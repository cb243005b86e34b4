package dev.vidrio.lens.attribute;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How much does each part of a text contribute to each token of an answer? A matrix: rows are
 * tokens or spans of the answer, columns are spans of the text before the last token. An answer
 * token has scores of all earlier tokens, also those of the answer (inseq: Sarti et al. 2023, arXiv
 * 2302.13942). Scores are in units of the metric.
 *
 * @param inputs the columns
 * @param outputs the rows, in positions of the whole text
 * @param values the metric of each row
 * @param explained the sum that the scores of each row approach, if the method is complete; else
 *     NaN
 * @param scores [outputs][inputs]; NaN for inputs that are not before the output
 * @see GradientAttribution#timesInput(dev.vidrio.lens.Lens, Answer)
 * @see "docs/lens/answers.md"
 */
public record AnswerAttribution(
    List<TokenSpan> inputs,
    List<TokenSpan> outputs,
    List<Double> values,
    List<Double> explained,
    List<List<Double>> scores) {
  public AnswerAttribution {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
    values = List.copyOf(values);
    explained = List.copyOf(explained);
    scores = scores.stream().map(List::copyOf).toList();
  }

  /** Returns the attribution of the tokens of an answer to the single tokens before each. */
  static AnswerAttribution ofTokens(
      Answer answer, double[] values, double[] explained, double[][] scores) {
    int n = answer.from() + answer.length();
    for (int i = 0; i < scores.length; i++) {
      Arrays.fill(scores[i], answer.from() + i, scores[i].length, Double.NaN);
    }
    return of(
        TokenSpan.tokens(0, n - 1), TokenSpan.tokens(answer.from(), n), values, explained, scores);
  }

  static AnswerAttribution of(
      List<TokenSpan> inputs,
      List<TokenSpan> outputs,
      double[] values,
      double[] explained,
      double[][] scores) {
    return new AnswerAttribution(
        inputs,
        outputs,
        boxed(values),
        boxed(explained),
        Arrays.stream(scores).map(AnswerAttribution::boxed).toList());
  }

  private static List<Double> boxed(double[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  /** Returns the sum of the scores of a row. */
  public double sum(int output) {
    return sum(scores.get(output).stream().toList());
  }

  /** Returns the score of each column for the whole answer: the sum over rows. */
  public List<Double> totals() {
    return IntStream.range(0, inputs.size())
        .mapToObj(i -> sum(scores.stream().map(row -> row.get(i)).toList()))
        .toList();
  }

  /**
   * Returns the sums of the scores over spans of inputs, such as words.
   *
   * @param spans each a union of columns; columns outside the spans are dropped
   */
  public AnswerAttribution byInputs(List<TokenSpan> spans) {
    List<List<Double>> sums = new ArrayList<>();
    for (List<Double> row : scores) {
      sums.add(
          spans.stream()
              .map(span -> sum(within(span, inputs).mapToObj(row::get).toList()))
              .toList());
    }
    return new AnswerAttribution(spans, outputs, values, explained, sums);
  }

  /**
   * Returns the sums of the rows over spans of the answer. For log-probabilities, the values are
   * then log-probabilities of the spans.
   *
   * @param spans each a union of rows; rows outside the spans are dropped
   */
  public AnswerAttribution byOutputs(List<TokenSpan> spans) {
    List<Double> newValues = new ArrayList<>();
    List<Double> newExplained = new ArrayList<>();
    List<List<Double>> sums = new ArrayList<>();
    for (TokenSpan span : spans) {
      int[] rows = within(span, outputs).toArray();
      newValues.add(Arrays.stream(rows).mapToDouble(values::get).sum());
      newExplained.add(Arrays.stream(rows).mapToDouble(explained::get).sum());
      sums.add(
          IntStream.range(0, inputs.size())
              .mapToObj(
                  i -> sum(Arrays.stream(rows).mapToObj(row -> scores.get(row).get(i)).toList()))
              .toList());
    }
    return new AnswerAttribution(inputs, spans, newValues, newExplained, sums);
  }

  private static IntStream within(TokenSpan span, List<TokenSpan> parts) {
    return IntStream.range(0, parts.size()).filter(i -> span.contains(parts.get(i)));
  }

  /** Returns the sum of the numbers; NaN if there are none. */
  private static double sum(List<Double> values) {
    double[] present =
        values.stream().mapToDouble(Double::doubleValue).filter(v -> !Double.isNaN(v)).toArray();
    return present.length == 0 ? Double.NaN : Arrays.stream(present).sum();
  }
}

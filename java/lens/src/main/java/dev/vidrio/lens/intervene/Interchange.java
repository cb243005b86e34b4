package dev.vidrio.lens.intervene;

import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.resolve.Preconditions;

/**
 * An interchange intervention (Geiger et al. 2021, arXiv 2106.02997): the value of a variable in a
 * source text is inserted into a base text. The answer of the base text should then follow from
 * that value.
 *
 * <p>Two metrics of the base text judge the answer: the objective, which training increases, and
 * the success, 1 if the answer follows from the source's value and 0 if not.
 */
public final class Interchange {
  final int[] base;
  final int basePosition;
  final int[] source;
  final int sourcePosition;
  final DifferentiableMetric objective;
  final Metric success;

  /**
   * Creates an interchange at given positions with the log-probability of the answer as its
   * objective. It succeeds if the answer has a larger logit than the original one.
   *
   * @param base tokens of the text that is changed
   * @param basePosition position of the change
   * @param source tokens of the text that the value is taken from
   * @param sourcePosition its position
   * @param answer the expected next token of the base with the source's value
   * @param original the next token of the base with its own value
   */
  public Interchange(
      int[] base, int basePosition, int[] source, int sourcePosition, int answer, int original) {
    this(
        base,
        basePosition,
        source,
        sourcePosition,
        Metric.logProbability(answer),
        Metric.accuracy(new int[] {answer}, new int[] {original}));
  }

  /**
   * Creates an interchange at given positions with any metrics.
   *
   * @param base tokens of the text that is changed, with those of an answer of several tokens but
   *     the last
   * @param basePosition position of the change
   * @param source tokens of the text that the value is taken from
   * @param sourcePosition its position
   * @param objective grows as the base's answer becomes that of the source's value
   * @param success 1 if the base's answer is that of the source's value, else 0
   */
  public Interchange(
      int[] base,
      int basePosition,
      int[] source,
      int sourcePosition,
      DifferentiableMetric objective,
      Metric success) {
    Preconditions.requirePosition("position in the base", base, basePosition);
    Preconditions.requirePosition("position in the source", source, sourcePosition);
    objective.requirePositions(base);
    success.requirePositions(base);
    this.base = base.clone();
    this.basePosition = basePosition;
    this.source = source.clone();
    this.sourcePosition = sourcePosition;
    this.objective = objective;
    this.success = success;
  }

  /** Creates an interchange at the last tokens. */
  public Interchange(int[] base, int[] source, int answer, int original) {
    this(base, base.length - 1, source, source.length - 1, answer, original);
  }
}

package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How much does each token of a text contribute to a metric (section 3.1 of the primer, arXiv
 * 2405.00208)? A {@link Metric#logitDifference} explains why the model prefers one token to
 * another: a contrastive explanation (Yin and Neubig 2022, arXiv 2202.10419). Scores are in units
 * of the metric.
 *
 * {@snippet file="LensExamplesTest.java" region="attribution"}
 *
 * @param value the metric
 * @param explained the sum of the scores, if the method is complete; else NaN
 * @param scores of the tokens
 * @see GradientAttribution
 * @see IntegratedGradients
 * @see "docs/lens/attribution.md"
 */
public record InputAttribution(double value, double explained, List<Double> scores) {
  /** The input: the embeddings of the tokens. */
  static final HookPoint INPUT = HookPoint.of(HookSite.EMBED);

  public InputAttribution {
    scores = List.copyOf(scores);
  }

  /** Returns the sum of the scores. */
  public double sum() {
    return scores.stream().mapToDouble(Double::doubleValue).sum();
  }

  /**
   * Returns the sums of the scores over spans, such as words.
   *
   * @param spans in order, without overlap
   * @throws InvalidInputException if spans overlap or exceed the text
   */
  public List<Double> by(List<TokenSpan> spans) {
    TokenSpan.require(spans, scores.size());
    return spans.stream()
        .map(
            span ->
                scores.subList(span.from(), span.to()).stream()
                    .mapToDouble(Double::doubleValue)
                    .sum())
        .toList();
  }

  /**
   * Returns the embedding of a token, [d]: a baseline, such as that of an unknown or a padding
   * token.
   */
  public static float[] embedding(Lens lens, int token) {
    Preconditions.requireToken(lens.model(), token);
    return lens.row(new int[] {token}, INPUT, 0);
  }

  /**
   * Opens a session for gradients of a metric with respect to the embeddings of a text, which may
   * be edited.
   */
  static GradientSession open(Lens lens, int[] tokens, Metric metric) {
    Preconditions.requireTokens(lens.model(), tokens);
    return GradientSession.open(
        lens,
        GradientOptions.of(INPUT.name(), tokens.length)
            .withLogits(metric.positions())
            .withEditable(INPUT.name()));
  }

  /** Returns the dot products of the rows of x and dx, [rows, d]. */
  static List<Double> products(float[] x, float[] dx, int rows) {
    int d = x.length / rows;
    return IntStream.range(0, rows)
        .mapToObj(
            i ->
                Vectors.dot(
                    Arrays.copyOfRange(x, i * d, (i + 1) * d),
                    Arrays.copyOfRange(dx, i * d, (i + 1) * d)))
        .toList();
  }
}

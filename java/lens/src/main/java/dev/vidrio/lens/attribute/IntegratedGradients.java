package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;

/**
 * Integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365): attribution to the tokens of a
 * text by the gradients on the straight line from a baseline x̄ to the text's embeddings x,
 *
 * <pre>{@code (x_i − x̄) · 1/m Σ_k ∇_{x_i} f(x̄ + α_k (x − x̄))}</pre>
 *
 * at the midpoints α_k of m equal intervals. They are complete: with more steps their sum
 * approaches {@code f(x) − f(x̄)}, which is {@link InputAttribution#explained}.
 *
 * @see "docs/lens/attribution.md"
 */
public final class IntegratedGradients {
  private IntegratedGradients() {}

  /**
   * Attributes from a baseline of zeros.
   *
   * @param steps m
   */
  public static InputAttribution of(
      Lens lens, int[] tokens, DifferentiableMetric metric, int steps) {
    return of(lens, tokens, metric, steps, new float[lens.model().architecture().width()]);
  }

  /**
   * Attributes from another baseline, the same for all tokens.
   *
   * @param steps m
   * @param baseline x̄, [d]
   * @throws InvalidInputException if there is no step, or the baseline is not of width d
   */
  public static InputAttribution of(
      Lens lens, int[] tokens, DifferentiableMetric metric, int steps, float[] baseline) {
    require(lens, steps, baseline);
    try (GradientSession session = InputAttribution.open(lens, tokens, metric)) {
      double value = session.run(tokens, metric);
      float[] x = session.activation(InputAttribution.INPUT).toArray();
      float[] way = way(x, baseline);
      session.edits(at(x, way, 0, tokens.length));
      double least = session.run(tokens, metric);
      var gradients = new RowMean();
      for (int k = 0; k < steps; k++) {
        session.edits(at(x, way, (k + 0.5) / steps, tokens.length));
        session.run(tokens, metric);
        gradients.add(session.gradient(InputAttribution.INPUT).toArray());
      }
      return new InputAttribution(
          value, value - least, InputAttribution.products(way, gradients.mean(), tokens.length));
    }
  }

  /**
   * Attributes each token of an answer, from a baseline of all tokens before it.
   *
   * @param steps m
   * @param baseline x̄, [d]
   * @throws InvalidInputException if there is no step, the baseline is not of width d, or the model
   *     does not support the tokens
   */
  public static AnswerAttribution of(Lens lens, Answer answer, int steps, float[] baseline) {
    require(lens, steps, baseline);
    int n = answer.from() + answer.length() - 1;
    try (var gradients = new AnswerGradients(lens, answer, GradientRules.EXACT, true)) {
      float[] x = gradients.embeddings();
      float[] way = way(x, baseline);
      int d = baseline.length;
      double[] values = gradients.run(List.of(), null);
      double[] least = gradients.run(at(x, way, 0, n), null);
      var scores = new double[answer.length()][n];
      for (int k = 0; k < steps; k++) {
        gradients.run(
            at(x, way, (k + 0.5) / steps, n),
            (i, dx) -> {
              for (int j = 0; j < answer.from() + i; j++) {
                float[] row = Arrays.copyOfRange(way, j * d, (j + 1) * d);
                scores[i][j] += Vectors.dot(row, dx.row(j)) / steps;
              }
            });
      }
      var explained = new double[values.length];
      Arrays.setAll(explained, i -> values[i] - least[i]);
      return AnswerAttribution.ofTokens(answer, values, explained, scores);
    }
  }

  private static void require(Lens lens, int steps, float[] baseline) {
    Preconditions.requirePositive("steps", steps);
    int d = lens.model().architecture().width();
    Preconditions.require(
        baseline.length == d, "baseline", baseline.length, "must have " + d + " elements");
  }

  /** Returns x − x̄, [n, d]. */
  private static float[] way(float[] x, float[] baseline) {
    var way = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      way[i] = x[i] - baseline[i % baseline.length];
    }
    return way;
  }

  /** Returns the intervention that sets the embeddings to a fraction α of the line. */
  private static List<Intervention> at(float[] x, float[] way, double part, int n) {
    var values = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      values[i] = (float) (x[i] - (1 - part) * way[i]);
    }
    return List.of(Intervention.set(InputAttribution.INPUT, values).positions(0, n));
  }
}

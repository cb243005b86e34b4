package dev.vidrio.lens.attribute;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleBiFunction;
import java.util.stream.IntStream;

/**
 * Attribution to the tokens of a text by a single gradient.
 *
 * @see "docs/lens/attribution.md"
 */
public final class GradientAttribution {
  private GradientAttribution() {}

  /**
   * Returns the norm of the gradient, {@code ‖∇_{x_i} f‖₂}: the sensitivity of the metric to a
   * token, without a sign (Simonyan et al. 2014, arXiv 1312.6034; Li et al. 2016, arXiv
   * 1506.01066).
   */
  public static InputAttribution norm(Lens lens, int[] tokens, DifferentiableMetric metric) {
    return of(lens, tokens, metric, GradientRules.EXACT, (x, dx) -> Vectors.norm(dx));
  }

  /**
   * Returns gradient × input, {@code ∇_{x_i} f · x_i}: to first order, the loss of the metric if
   * the embedding of the token becomes 0 (Denil et al. 2014, arXiv 1412.6815).
   */
  public static InputAttribution timesInput(Lens lens, int[] tokens, DifferentiableMetric metric) {
    return of(lens, tokens, metric, GradientRules.EXACT, Vectors::dot);
  }

  /**
   * Returns relevance propagation: gradient × input with modified rules of differentiation. {@link
   * GradientRules} mentions patents.
   *
   * @param rules such as {@link GradientRules#ATTN_LRP}
   */
  public static InputAttribution relevance(
      Lens lens, int[] tokens, DifferentiableMetric metric, GradientRules rules) {
    return of(lens, tokens, metric, rules, Vectors::dot);
  }

  /**
   * Returns the norm of the gradient for each token of an answer.
   *
   * @throws dev.vidrio.error.InvalidInputException if the model does not support the tokens
   */
  public static AnswerAttribution norm(Lens lens, Answer answer) {
    return of(lens, answer, GradientRules.EXACT, (x, dx) -> Vectors.norm(dx));
  }

  /**
   * Returns gradient × input for each token of an answer.
   *
   * @throws dev.vidrio.error.InvalidInputException if the model does not support the tokens
   */
  public static AnswerAttribution timesInput(Lens lens, Answer answer) {
    return of(lens, answer, GradientRules.EXACT, Vectors::dot);
  }

  /**
   * Returns relevance propagation for each token of an answer.
   *
   * @param rules such as {@link GradientRules#ATTN_LRP}
   * @throws dev.vidrio.error.InvalidInputException if the model does not support the tokens
   */
  public static AnswerAttribution relevance(Lens lens, Answer answer, GradientRules rules) {
    return of(lens, answer, rules, Vectors::dot);
  }

  private static AnswerAttribution of(
      Lens lens, Answer answer, GradientRules rules, ToDoubleBiFunction<float[], float[]> score) {
    try (var gradients = new AnswerGradients(lens, answer, rules, false)) {
      var scores = new double[answer.length()][answer.from() + answer.length() - 1];
      double[] values =
          gradients.run(
              List.of(),
              (i, dx) -> {
                for (int j = 0; j < answer.from() + i; j++) {
                  scores[i][j] = score.applyAsDouble(gradients.embedding(j), dx.row(j));
                }
              });
      return AnswerAttribution.ofTokens(answer, values, incomplete(values), scores);
    }
  }

  private static double[] incomplete(double[] values) {
    var none = new double[values.length];
    Arrays.fill(none, Double.NaN);
    return none;
  }

  private static InputAttribution of(
      Lens lens,
      int[] tokens,
      DifferentiableMetric metric,
      GradientRules rules,
      ToDoubleBiFunction<float[], float[]> score) {
    Preconditions.requireTokens(lens.model(), tokens);
    HookPoint input = InputAttribution.INPUT;
    GradientOptions options =
        GradientOptions.of(input.name(), tokens.length)
            .withLogits(metric.positions())
            .withRules(rules);
    try (GradientSession session = GradientSession.open(lens, options)) {
      double value = session.run(tokens, metric);
      Activation x = session.activation(input);
      Activation dx = session.gradient(input);
      return new InputAttribution(
          value,
          Double.NaN,
          IntStream.range(0, tokens.length)
              .mapToObj(i -> score.applyAsDouble(x.row(i), dx.row(i)))
              .toList());
    }
  }
}

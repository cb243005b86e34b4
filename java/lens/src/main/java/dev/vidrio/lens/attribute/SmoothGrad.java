package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * SmoothGrad (Smilkov et al. 2017, arXiv 1706.03825): gradient × input, with the mean gradient
 * under Gaussian noise on the text's embeddings.
 */
public final class SmoothGrad {
  private SmoothGrad() {}

  /**
   * Attributes a metric to the tokens of a text.
   *
   * @param samples number of noise samples
   * @param noise its standard deviation, relative to that of the text's embeddings
   * @param seed of the noise
   * @throws InvalidInputException if there is no sample, or the noise is negative or not finite
   */
  public static InputAttribution of(
      Lens lens, int[] tokens, DifferentiableMetric metric, int samples, double noise, long seed) {
    require(samples, noise);
    HookPoint input = InputAttribution.INPUT;
    try (GradientSession session = InputAttribution.open(lens, tokens, metric)) {
      double value = session.run(tokens, metric);
      float[] x = session.activation(input).toArray();
      double deviation = noise * deviation(x);
      var random = new Random(seed);
      var gradients = new RowMean();
      for (int k = 0; k < samples; k++) {
        float[] added = noise(random, deviation, x.length);
        session.edits(List.of(Intervention.add(input, 1, added).positions(0, tokens.length)));
        session.run(tokens, metric);
        gradients.add(session.gradient(input).toArray());
      }
      return new InputAttribution(
          value, Double.NaN, InputAttribution.products(x, gradients.mean(), tokens.length));
    }
  }

  /**
   * Attributes each token of an answer, with noise on all tokens before it.
   *
   * @param samples number of noise samples
   * @param noise its standard deviation, relative to that of the text's embeddings
   * @param seed of the noise
   * @throws InvalidInputException if there is no sample, the noise is negative or not finite, or
   *     the model does not support the tokens
   */
  public static AnswerAttribution of(
      Lens lens, Answer answer, int samples, double noise, long seed) {
    require(samples, noise);
    int n = answer.from() + answer.length() - 1;
    try (var gradients = new AnswerGradients(lens, answer, GradientRules.EXACT, true)) {
      float[] x = gradients.embeddings();
      int d = x.length / n;
      double[] values = gradients.run(List.of(), null);
      double deviation = noise * deviation(x);
      var random = new Random(seed);
      var scores = new double[answer.length()][n];
      for (int k = 0; k < samples; k++) {
        float[] added = noise(random, deviation, x.length);
        gradients.run(
            List.of(Intervention.add(InputAttribution.INPUT, 1, added).positions(0, n)),
            (i, dx) -> {
              for (int j = 0; j < answer.from() + i; j++) {
                float[] row = Arrays.copyOfRange(x, j * d, (j + 1) * d);
                scores[i][j] += Vectors.dot(row, dx.row(j)) / samples;
              }
            });
      }
      var explained = new double[values.length];
      Arrays.fill(explained, Double.NaN);
      return AnswerAttribution.ofTokens(answer, values, explained, scores);
    }
  }

  private static void require(int samples, double noise) {
    if (samples < 1 || !(noise >= 0 && Double.isFinite(noise))) {
      throw new InvalidInputException(
          "samples and noise", samples + ", " + noise, "must be at least 1, and 0");
    }
  }

  private static float[] noise(Random random, double deviation, int count) {
    var noise = new float[count];
    for (int i = 0; i < count; i++) {
      noise[i] = (float) (deviation * random.nextGaussian());
    }
    return noise;
  }

  private static double deviation(float[] x) {
    double mean = IntStream.range(0, x.length).mapToDouble(i -> x[i]).average().orElseThrow();
    return Math.sqrt(
        IntStream.range(0, x.length)
            .mapToDouble(i -> (x[i] - mean) * (x[i] - mean))
            .average()
            .orElseThrow());
  }
}

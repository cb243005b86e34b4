package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.vector.RowMean;
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
    if (samples < 1 || !(noise >= 0 && Double.isFinite(noise))) {
      throw new InvalidInputException(
          "samples and noise", samples + ", " + noise, "must be at least 1, and 0");
    }
    HookPoint input = InputAttribution.INPUT;
    try (GradientSession session = InputAttribution.open(lens, tokens, metric)) {
      double value = session.run(tokens, metric);
      float[] x = session.activation(input).toArray();
      double deviation = noise * deviation(x);
      var random = new Random(seed);
      var gradients = new RowMean();
      for (int k = 0; k < samples; k++) {
        var added = new float[x.length];
        for (int i = 0; i < x.length; i++) {
          added[i] = (float) (deviation * random.nextGaussian());
        }
        session.edits(List.of(Intervention.add(input, 1, added).positions(0, tokens.length)));
        session.run(tokens, metric);
        gradients.add(session.gradient(input).toArray());
      }
      return new InputAttribution(
          value, Double.NaN, InputAttribution.products(x, gradients.mean(), tokens.length));
    }
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

package dev.vidrio.lens;

import dev.vidrio.model.InvalidInputException;
import java.util.List;

/**
 * A direction in the residual stream that stands for a property of texts: the mean activation of
 * texts that have it less that of texts that have not (difference in means; Turner et al. 2023,
 * arXiv 2308.10248; Rimsky et al. 2024, arXiv 2312.06681; Marks and Tegmark 2024, arXiv
 * 2310.06824). Added while a model generates, it steers.
 *
 * {@snippet file="LensExamplesTest.java" region="steering"}
 */
public final class SteeringVector {
  private final HookPoint point;
  private final float[] values;

  private SteeringVector(HookPoint point, float[] values) {
    this.point = point;
    this.values = values;
  }

  /**
   * The difference in means at the last token of texts.
   *
   * @param plus tokens of texts that have the property
   * @param minus tokens of texts that do not
   * @throws InvalidInputException when there are no texts of a kind, or the model cannot take one
   */
  public static SteeringVector of(Lens lens, HookPoint point, List<int[]> plus, List<int[]> minus) {
    float[] with = mean(lens, point, "plus", plus);
    float[] without = mean(lens, point, "minus", minus);
    for (int j = 0; j < with.length; j++) {
      with[j] -= without[j];
    }
    return new SteeringVector(point, with);
  }

  private static float[] mean(Lens lens, HookPoint point, String which, List<int[]> texts) {
    if (texts.isEmpty()) {
      throw new InvalidInputException(which, "", "needs one text or more");
    }
    double[] sum = new double[0];
    for (int[] tokens : texts) {
      lens.requireTokens(tokens);
      Capture last = Capture.of(point.name()).positions(tokens.length - 1, tokens.length);
      try (ActivationCache cache = lens.run(tokens, last)) {
        float[] row = cache.get(point).row(0);
        sum = sum.length == 0 ? new double[row.length] : sum;
        for (int j = 0; j < row.length; j++) {
          sum[j] += row[j];
        }
      }
    }
    var mean = new float[sum.length];
    for (int j = 0; j < mean.length; j++) {
      mean[j] = (float) (sum[j] / texts.size());
    }
    return mean;
  }

  /** Where it was read, and where it is added. */
  public HookPoint point() {
    return point;
  }

  /** Its elements [d]. */
  public float[] values() {
    return values.clone();
  }

  /** Its length. */
  public double norm() {
    double square = 0;
    for (float value : values) {
      square += (double) value * value;
    }
    return Math.sqrt(square);
  }

  /** Adds it at all positions, times a strength; of strength 0 no bit changes. */
  public Edit edit(float strength) {
    return Edit.add(point, strength, values);
  }
}

package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import java.util.List;

/**
 * A direction in the residual stream that stands for a property of texts: the mean activation of
 * texts that have it minus that of texts that do not (difference in means; Turner et al. 2023,
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
   * @throws InvalidInputException when there are no texts of a kind, the model cannot take one, or
   *     both kinds have the same mean
   */
  public static SteeringVector of(Lens lens, HookPoint point, List<int[]> plus, List<int[]> minus) {
    Preconditions.requireRows(point);
    float[] with = mean(lens, point, "plus", plus);
    var vector = new SteeringVector(point, Vectors.minus(with, mean(lens, point, "minus", minus)));
    if (vector.norm() == 0) {
      throw new InvalidInputException(
          "minus", "", "its mean at " + point + " is that of plus, so there is no direction");
    }
    return vector;
  }

  private static float[] mean(Lens lens, HookPoint point, String which, List<int[]> texts) {
    if (texts.isEmpty()) {
      throw new InvalidInputException(which, "", "needs one text or more");
    }
    var mean = new RowMean();
    for (int[] tokens : texts) {
      Preconditions.requireTokens(lens.model(), tokens);
      Capture last = Capture.of(point.name()).last(1);
      try (ActivationCache cache = lens.run(tokens, last)) {
        mean.add(cache.get(point).row(0));
      }
    }
    return mean.mean();
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
    return Vectors.norm(values);
  }

  /** Adds it at all positions, times a strength; of strength 0 no bit changes. */
  public Intervention edit(float strength) {
    return Intervention.add(point, strength, values);
  }
}

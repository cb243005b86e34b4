package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import java.util.List;

/**
 * A direction in the residual stream that represents a property of texts: the mean activation of
 * texts with the property minus that of texts without it (difference in means; Turner et al. 2023,
 * arXiv 2308.10248; Rimsky et al. 2024, arXiv 2312.06681; Marks and Tegmark 2024, arXiv
 * 2310.06824). Adding it during generation steers the model.
 *
 * {@snippet file="LensExamplesTest.java" region="steering"}
 *
 * <p>Immutable.
 *
 * @see "docs/lens/interventions.md"
 */
public final class SteeringVector {
  private final HookPoint point;
  private final float[] values;

  private SteeringVector(HookPoint point, float[] values) {
    this.point = point;
    this.values = values;
  }

  /**
   * Computes the difference in means at the last token of texts.
   *
   * @param plus tokens of texts with the property
   * @param minus tokens of texts without it
   * @throws InvalidInputException if there are no texts of a kind, the model does not support one,
   *     or both means are equal
   */
  public static SteeringVector of(Lens lens, HookPoint point, List<int[]> plus, List<int[]> minus) {
    Preconditions.requireRows(point);
    float[] with = mean(lens, point, "plus", plus);
    var vector = new SteeringVector(point, Vectors.minus(with, mean(lens, point, "minus", minus)));
    if (vector.norm() == 0) {
      throw new InvalidInputException("minus", "", "its mean at " + point + " equals that of plus");
    }
    return vector;
  }

  private static float[] mean(Lens lens, HookPoint point, String which, List<int[]> texts) {
    Preconditions.require(!texts.isEmpty(), which, "", "must have at least 1 text");
    var mean = new RowMean();
    for (int[] tokens : texts) {
      Preconditions.requireTokens(lens.model(), tokens);
      mean.add(lens.row(tokens, point, tokens.length - 1));
    }
    return mean.mean();
  }

  /** Returns the hook point. */
  public HookPoint point() {
    return point;
  }

  /** Returns the elements, [d]. */
  public float[] values() {
    return values.clone();
  }

  /** Returns the L2 norm. */
  public double norm() {
    return Vectors.norm(values);
  }

  /**
   * Returns the intervention that adds it at all positions, times a strength. A strength of 0
   * leaves all bits unchanged.
   */
  public Intervention edit(float strength) {
    return Intervention.add(point, strength, values);
  }
}

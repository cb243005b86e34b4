package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.probe.ConceptDirections;
import dev.vidrio.lens.decode.probe.Examples;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
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
    return of(lens, point, plus, minus, ConceptDirections.Method.MEANS);
  }

  /**
   * Computes a direction at the last token of texts by some method.
   *
   * @param plus tokens of texts with the property
   * @param minus tokens of texts without it; for {@link ConceptDirections.Method#PCA} the first is
   *     paired with the first of {@code plus}, and so on
   * @throws InvalidInputException if there are no texts of a kind, the model does not support one,
   *     or the direction is zero
   */
  public static SteeringVector of(
      Lens lens,
      HookPoint point,
      List<int[]> plus,
      List<int[]> minus,
      ConceptDirections.Method method) {
    Preconditions.requireRows(point);
    List<float[]> rows = new ArrayList<>(rows(lens, point, "plus", plus));
    rows.addAll(rows(lens, point, "minus", minus));
    var labels = new int[rows.size()];
    Arrays.fill(labels, 0, plus.size(), 1);
    var examples = new Examples(rows.toArray(float[][]::new), labels, labels, 2);
    var vector = new SteeringVector(point, method.of(examples, 1, 0));
    if (vector.norm() == 0) {
      throw new InvalidInputException("minus", "", "its mean at " + point + " equals that of plus");
    }
    return vector;
  }

  private static List<float[]> rows(Lens lens, HookPoint point, String which, List<int[]> texts) {
    Preconditions.require(!texts.isEmpty(), which, "", "must have at least 1 text");
    List<float[]> rows = new ArrayList<>();
    for (int[] tokens : texts) {
      Preconditions.requireTokens(lens.model(), tokens);
      rows.add(lens.row(tokens, point, tokens.length - 1));
    }
    return rows;
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

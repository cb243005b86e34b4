package dev.vidrio.lens.decode.probe;

import static dev.vidrio.lens.vector.DoubleVectors.add;
import static dev.vidrio.lens.vector.DoubleVectors.dot;

import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Removes a subspace from activations: the orthogonal projection {@code x ↦ x − Bᵀ B (x − c)}, with
 * the orthonormal rows of B and a center c that it leaves unchanged.
 *
 * @see NullspaceProjection
 */
public final class SubspaceEraser implements ConceptEraser {
  /** Relative length below which a direction is in the span of the previous ones. */
  private static final double DEPENDENT = 1e-6;

  private final double[][] basis;
  private final double[] center;

  private SubspaceEraser(double[][] basis, double[] center) {
    this.basis = basis;
    this.center = center;
  }

  /**
   * Returns the eraser of the span of directions.
   *
   * @param directions [r][d] each; linearly dependent ones are dropped
   * @param center [d]
   */
  public static SubspaceEraser of(List<double[]> directions, double[] center) {
    List<double[]> basis = new ArrayList<>();
    for (double[] direction : directions) {
      double[] rest = direction.clone();
      // Twice, since one pass of Gram-Schmidt is inexact.
      for (int pass = 0; pass < 2; pass++) {
        for (double[] row : basis) {
          add(rest, -dot(rest, row), row);
        }
      }
      double length = DoubleVectors.norm(rest);
      if (length > DEPENDENT * DoubleVectors.norm(direction)) {
        DoubleVectors.scale(rest, 1 / length);
        basis.add(rest);
      }
    }
    return new SubspaceEraser(basis.toArray(double[][]::new), center.clone());
  }

  /**
   * Returns the eraser of a random subspace, uniformly distributed: the control of an eraser of
   * classes.
   *
   * @param rank 0 to d
   * @param center [d]
   */
  public static SubspaceEraser random(int rank, double[] center, long seed) {
    Preconditions.requireRange("rank", rank, 0, center.length);
    var random = new SplitMix64(seed);
    List<double[]> directions = new ArrayList<>();
    for (int r = 0; r < rank; r++) {
      var direction = new double[center.length];
      for (int j = 0; j < direction.length; j++) {
        // Box-Muller
        double radius = Math.sqrt(-2 * StrictMath.log(1 - random.nextDouble()));
        direction[j] = radius * StrictMath.cos(2 * Math.PI * random.nextDouble());
      }
      directions.add(direction);
    }
    return of(directions, center);
  }

  @Override
  public int rank() {
    return basis.length;
  }

  /** Returns c, which erasure leaves unchanged, [d]. */
  public double[] center() {
    return center.clone();
  }

  /** Returns B in double. */
  List<double[]> rows() {
    return List.of(basis);
  }

  /** Returns B, its orthonormal rows, [r] of [d]. */
  @Override
  public List<float[]> directions() {
    return Arrays.stream(basis).map(DoubleVectors::floats).toList();
  }

  @Override
  public float[] erase(float[] x) {
    double[] erased = DoubleVectors.doubles(x);
    for (double[] row : basis) {
      double amount = 0;
      for (int j = 0; j < row.length; j++) {
        amount += row[j] * (x[j] - center[j]);
      }
      add(erased, -amount, row);
    }
    return DoubleVectors.floats(erased);
  }
}

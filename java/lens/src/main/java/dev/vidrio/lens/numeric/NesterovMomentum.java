package dev.vidrio.lens.numeric;

import java.util.Arrays;

/**
 * Gradient descent with Nesterov momentum (Sutskever et al. 2013, ICML, "On the importance of
 * initialization and momentum in deep learning") on rows of parameters: with gradient g, {@code v ←
 * 0.9 v + g} and {@code p ← p - rate (g + 0.9 v)}.
 */
public final class NesterovMomentum {
  private static final double MOMENTUM = 0.9;

  private final float[][] velocities;

  /** Creates zero velocities for rows of these lengths. */
  public NesterovMomentum(float[][] parameters) {
    this.velocities =
        Arrays.stream(parameters).map(row -> new float[row.length]).toArray(float[][]::new);
  }

  /**
   * Updates a row.
   *
   * @param scale factor of the gradient
   */
  public void step(double learningRate, double scale, int r, float[] row, float[] gradient) {
    float[] v = velocities[r];
    for (int j = 0; j < row.length; j++) {
      double g = scale * gradient[j];
      v[j] = (float) (MOMENTUM * v[j] + g);
      row[j] -= (float) (learningRate * (g + MOMENTUM * v[j]));
    }
  }
}

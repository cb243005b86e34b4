package dev.vidrio.lens.numeric;

import java.util.Arrays;

/** Adam (Kingma and Ba 2015, arXiv 1412.6980) on rows of parameters. */
public final class Adam {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPSILON = 1e-8;

  private final float[][] first;
  private final float[][] second;

  /** Creates zero moments for rows of these lengths. */
  public Adam(float[][] parameters) {
    this.first = new float[parameters.length][];
    this.second = new float[parameters.length][];
    for (int r = 0; r < parameters.length; r++) {
      first[r] = new float[parameters[r].length];
      second[r] = new float[parameters[r].length];
    }
  }

  /** Returns the first moments, which steps change, to save and restore them. */
  public float[][] first() {
    return first;
  }

  /** Returns the second moments, which steps change, to save and restore them. */
  public float[][] second() {
    return second;
  }

  /** Sets the moments of a row to zero. */
  public void reset(int r) {
    Arrays.fill(first[r], 0);
    Arrays.fill(second[r], 0);
  }

  /** Sets the moments of one parameter to zero. */
  public void reset(int r, int j) {
    first[r][j] = 0;
    second[r][j] = 0;
  }

  /**
   * Updates a row.
   *
   * @param step number of steps, including this one
   */
  public void step(int step, double learningRate, int r, float[] row, float[] gradient) {
    double scale1 = 1 / (1 - Math.pow(BETA1, step));
    double scale2 = 1 / (1 - Math.pow(BETA2, step));
    float[] m = first[r];
    float[] v = second[r];
    for (int j = 0; j < row.length; j++) {
      float g = gradient[j];
      m[j] = (float) (BETA1 * m[j] + (1 - BETA1) * g);
      v[j] = (float) (BETA2 * v[j] + (1 - BETA2) * g * g);
      row[j] -= (float) (learningRate * m[j] * scale1 / (Math.sqrt(v[j] * scale2) + EPSILON));
    }
  }
}

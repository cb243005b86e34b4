package dev.vidrio.lens.vector;

import java.util.Arrays;

/** Arithmetic with vectors of doubles. */
public final class DoubleVectors {
  private DoubleVectors() {}

  /** Returns ⟨a, b⟩. */
  public static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  /** Returns ‖x‖₂. */
  public static double norm(double[] x) {
    return Math.sqrt(dot(x, x));
  }

  /** Adds factor · x to a sum. */
  public static void add(double[] sum, double factor, double[] x) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += factor * x[i];
    }
  }

  /** Multiplies x by a factor. */
  public static void scale(double[] x, double factor) {
    for (int i = 0; i < x.length; i++) {
      x[i] *= factor;
    }
  }

  /** Returns the nearest floats. */
  public static float[] floats(double[] x) {
    var floats = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      floats[i] = (float) x[i];
    }
    return floats;
  }

  /** Returns the elements of x. */
  public static double[] doubles(float[] x) {
    var doubles = new double[x.length];
    Arrays.setAll(doubles, i -> x[i]);
    return doubles;
  }

  /** Returns the elements of rows. */
  public static double[][] doubles(float[][] rows) {
    return Arrays.stream(rows).map(DoubleVectors::doubles).toArray(double[][]::new);
  }

  /** Returns a + factor · b. */
  public static double[] plus(double[] a, double factor, double[] b) {
    double[] sum = a.clone();
    add(sum, factor, b);
    return sum;
  }
}

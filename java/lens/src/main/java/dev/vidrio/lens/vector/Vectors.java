package dev.vidrio.lens.vector;

/** Arithmetic with vectors, in double precision. */
public final class Vectors {
  private Vectors() {}

  /** Returns ⟨a, b⟩. */
  public static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += (double) a[j] * b[j];
    }
    return sum;
  }

  /** Returns ‖x‖₂. */
  public static double norm(float[] x) {
    return Math.sqrt(dot(x, x));
  }

  /** Returns the cosine of the angle between two vectors; 0 if one is zero. */
  public static double cosine(float[] a, float[] b) {
    double norms = norm(a) * norm(b);
    return norms == 0 ? 0 : dot(a, b) / norms;
  }

  /** Returns ‖x‖₁. */
  public static double norm1(float[] x) {
    double sum = 0;
    for (float value : x) {
      sum += Math.abs(value);
    }
    return sum;
  }

  /** Returns a − b. */
  public static float[] minus(float[] a, float[] b) {
    var difference = new float[a.length];
    for (int j = 0; j < a.length; j++) {
      difference[j] = a[j] - b[j];
    }
    return difference;
  }

  /** Adds x to a sum. */
  public static void add(float[] sum, float[] x) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += x[j];
    }
  }

  /** Adds a − b to a sum. */
  public static void addDifference(float[] sum, float[] a, float[] b) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += a[j] - b[j];
    }
  }
}

package dev.vidrio.kernel.java.memory;

/** The rotation of a Q4_0 cache ({@code docs/numerics.md}, kv_store). */
public final class Hadamard {
  private Hadamard() {}

  /**
   * Multiplies x by the orthogonal Hadamard matrix of n rows, n elements at a time; n is a power of
   * two that divides the number of elements. The matrix is its own inverse.
   */
  public static void transform(float[] x, int n) {
    float factor = 1 / (float) Math.sqrt(n);
    for (int h = 1; h < n; h *= 2) {
      for (int i = 0; i < x.length; i += 2 * h) {
        for (int j = i; j < i + h; j++) {
          float a = x[j];
          float b = x[j + h];
          x[j] = a + b;
          x[j + h] = a - b;
        }
      }
    }
    for (int i = 0; i < x.length; i++) {
      x[i] *= factor;
    }
  }
}

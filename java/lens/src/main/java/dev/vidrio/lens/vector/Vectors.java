package dev.vidrio.lens.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.TopKHeap;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

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

  /**
   * Returns ‖a − b‖₁, added up in four lanes.
   *
   * @param scratch of the same length, overwritten
   */
  public static double distance1(double[] a, float[] b, double[] scratch) {
    for (int j = 0; j < a.length; j++) {
      scratch[j] = Math.abs(a[j] - b[j]);
    }
    double first = 0;
    double second = 0;
    double third = 0;
    double fourth = 0;
    int j = 0;
    for (; j <= a.length - 4; j += 4) {
      first += scratch[j];
      second += scratch[j + 1];
      third += scratch[j + 2];
      fourth += scratch[j + 3];
    }
    for (; j < a.length; j++) {
      first += scratch[j];
    }
    return first + second + (third + fourth);
  }

  /** Returns a − b. */
  public static float[] minus(float[] a, float[] b) {
    var difference = new float[a.length];
    for (int j = 0; j < a.length; j++) {
      difference[j] = a[j] - b[j];
    }
    return difference;
  }

  /** Sets the first elements of b to a − b. */
  public static void subtractFrom(float[] a, float[] b, int length) {
    for (int j = 0; j < length; j++) {
      b[j] = a[j] - b[j];
    }
  }

  /** Adds x to a sum. */
  public static void add(float[] sum, float[] x) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += x[j];
    }
  }

  /** Adds factor · x to a sum. */
  public static void add(float[] sum, float factor, float[] x) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += factor * x[j];
    }
  }

  /** Multiplies x by a factor in place. */
  public static void scale(float[] x, float factor) {
    for (int j = 0; j < x.length; j++) {
      x[j] *= factor;
    }
  }

  /** Scales x, which must not be zero, to norm 1 in place. */
  public static void normalize(float[] x) {
    scale(x, (float) (1 / norm(x)));
  }

  /** Returns the sum of the squares of a matrix over that of another. */
  public static double relativeSquares(float[][] a, float[][] b) {
    return squares(a) / squares(b);
  }

  /** Returns the sum of the squares of a matrix. */
  public static double squares(float[][] rows) {
    double sum = 0;
    for (float[] row : rows) {
      sum += dot(row, row);
    }
    return sum;
  }

  /** Returns the sum of two matrices. */
  public static float[][] sum(float[][] a, float[][] b) {
    float[][] sum = copy(a);
    for (int i = 0; i < sum.length; i++) {
      add(sum[i], b[i]);
    }
    return sum;
  }

  /** Returns a copy of a matrix. */
  public static float[][] copy(float[][] rows) {
    return Arrays.stream(rows).map(float[]::clone).toArray(float[][]::new);
  }

  /** Returns the absolute values of elements. */
  public static float[] magnitudes(float[] x) {
    var magnitudes = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      magnitudes[i] = Math.abs(x[i]);
    }
    return magnitudes;
  }

  /** Returns the indices of the {@code k} largest elements, in descending order. */
  public static int[] largest(float[] x, int k) {
    return largest(x, k, j -> true);
  }

  /** Returns the indices of the {@code k} largest allowed elements, in descending order. */
  public static int[] largest(float[] x, int k, IntPredicate allowed) {
    int count = Math.min(k, x.length);
    var heap = new TopKHeap(count);
    heap.begin(count);
    for (int j = 0; j < x.length; j++) {
      if (allowed.test(j)) {
        heap.offer(x[j], j);
      }
    }
    return IntStream.range(0, heap.sort()).map(heap::id).toArray();
  }

  /** Returns the log-probabilities of logits. */
  public static double[] logProbabilities(float[] logits) {
    double total = LogProbability.logSum(MemorySegment.ofArray(logits));
    return IntStream.range(0, logits.length).mapToDouble(w -> logits[w] - total).toArray();
  }

  /** Adds a − b to a sum. */
  public static void addDifference(float[] sum, float[] a, float[] b) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += a[j] - b[j];
    }
  }

  /** Returns the index of the maximum of f32 elements, the first of several. */
  public static int argmax(MemorySegment x) {
    int best = 0;
    for (int i = 1; i < x.byteSize() / Float.BYTES; i++) {
      if (x.getAtIndex(JAVA_FLOAT, i) > x.getAtIndex(JAVA_FLOAT, best)) {
        best = i;
      }
    }
    return best;
  }
}

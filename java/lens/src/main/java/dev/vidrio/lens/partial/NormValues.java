package dev.vidrio.lens.partial;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Op.NormKind;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/**
 * Computes the intermediate values of a norm: the divisor of each row, and the row before the gain,
 * with the bits of docs/numerics.md. Both follow from the input of the norm, so that capturing them
 * costs a forward pass nothing.
 */
public final class NormValues {
  private static final int LANES = 16;

  private NormValues() {}

  /** Computes the divisors [rows] of rows x [rows, d]. */
  public static void scales(Op.Norm norm, MemorySegment x, MemorySegment scales) {
    rows(norm, x, (row, i) -> scales.setAtIndex(JAVA_FLOAT, i, centeredScale(norm, row)));
  }

  /** Divides rows x [rows, d] by their divisors, after subtracting the mean if the norm does. */
  public static void normalized(Op.Norm norm, MemorySegment x, MemorySegment y) {
    rows(
        norm,
        x,
        (row, i) -> {
          divide(norm, row);
          MemorySegment.copy(row, 0, y, JAVA_FLOAT, i * (long) row.length * 4, row.length);
        });
  }

  /** Divides a row by its divisor, after subtracting the mean if the norm does. */
  public static float[] normalized(Op.Norm norm, float[] row) {
    float[] normalized = row.clone();
    center(norm, normalized);
    divide(norm, normalized);
    return normalized;
  }

  @FunctionalInterface
  private interface RowTask {
    void run(float[] row, int i);
  }

  /** Passes each row, after subtracting the mean if the norm does. */
  private static void rows(Op.Norm norm, MemorySegment x, RowTask task) {
    int d = norm.d();
    int n = Math.toIntExact(x.byteSize() / Float.BYTES / d);
    IntStream.range(0, n)
        .parallel()
        .forEach(
            i -> {
              var row = new float[d];
              MemorySegment.copy(x, JAVA_FLOAT, i * (long) d * Float.BYTES, row, 0, d);
              center(norm, row);
              task.run(row, i);
            });
  }

  /** Returns the divisor of a row. */
  public static float scale(Op.Norm norm, float[] row) {
    float[] centered = row.clone();
    center(norm, centered);
    return centeredScale(norm, centered);
  }

  /** Subtracts the mean, if the norm does. */
  public static void center(Op.Norm norm, float[] row) {
    if (norm.kind() == NormKind.LAYER) {
      float mean = laneSum(row, false) / row.length;
      for (int i = 0; i < row.length; i++) {
        row[i] -= mean;
      }
    }
  }

  private static void divide(Op.Norm norm, float[] centered) {
    float inverse = 1 / centeredScale(norm, centered);
    for (int j = 0; j < centered.length; j++) {
      centered[j] *= inverse;
    }
  }

  private static float centeredScale(Op.Norm norm, float[] row) {
    return (float) Math.sqrt(laneSum(row, true) / row.length + norm.epsilon());
  }

  private static float laneSum(float[] x, boolean squares) {
    var lanes = new float[LANES];
    int whole = x.length - x.length % LANES;
    for (int i = 0; i < whole; i += LANES) {
      for (int l = 0; l < LANES; l++) {
        lanes[l] = Math.fma(x[i + l], squares ? x[i + l] : 1, lanes[l]);
      }
    }
    for (int i = whole; i < x.length; i++) {
      lanes[i - whole] = Math.fma(x[i], squares ? x[i] : 1, lanes[i - whole]);
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }
}

package dev.vidrio.lens.partial;

import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Op.NormKind;

/**
 * Computes the intermediate values of a norm: the divisor of each row, and the row before the gain,
 * with the bits of docs/numerics.md. Both follow from the input of the norm, so that capturing them
 * costs a forward pass nothing.
 */
public final class NormValues {
  private static final int LANES = 16;

  private NormValues() {}

  /** Divides a row by its divisor, after subtracting the mean if the norm does. */
  public static float[] normalized(Op.Norm norm, float[] row) {
    float[] normalized = row.clone();
    center(norm, normalized);
    divide(norm, normalized);
    return normalized;
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

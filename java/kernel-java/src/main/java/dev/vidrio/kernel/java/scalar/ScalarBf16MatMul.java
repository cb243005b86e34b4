package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.PackedRow;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;

/** The matrix product in bf16, as defined by docs/numerics.md, one output at a time. */
final class ScalarBf16MatMul {
  private ScalarBf16MatMul() {}

  /** Returns rows of x [rows, k], rounded, with zeros up to a multiple of 32. */
  static float[][] activations(MemorySegment x, int rows, int k) {
    var rounded = new float[rows][Bf16.padded(k)];
    for (int m = 0; m < rows; m++) {
      for (int i = 0; i < k; i++) {
        rounded[m][i] = Bf16.round(Elements.get(x, (long) m * k + i));
      }
    }
    return rounded;
  }

  /** Returns row n of the weights, rounded, with zeros up to a multiple of 32. */
  static float[] weights(Weights w, int n) {
    var rounded = new float[Bf16.padded(w.k())];
    if (w.type().quantized()) {
      var row = new PackedRow(w, n);
      for (int k = 0; k < w.k(); k++) {
        rounded[k] = Bf16.round(element(w.type(), row, k));
      }
    } else {
      for (int k = 0; k < w.k(); k++) {
        rounded[k] = Bf16.round(Elements.get(w.type(), w.data(), (long) n * w.k() + k));
      }
    }
    return rounded;
  }

  private static float element(WeightType type, PackedRow row, int k) {
    return type.hasMinima()
        ? Math.fma(row.integer(k), row.scale(k), row.minimum(k))
        : row.integer(k) * row.scale(k);
  }

  static float dot(float[] x, float[] w) {
    float acc = 0;
    for (int k = 0; k < w.length; k += Bf16.BLOCK) {
      float even = 0;
      float odd = 0;
      for (int i = k; i < k + Bf16.BLOCK; i += 2) {
        even = Math.fma(x[i], w[i], even);
        odd = Math.fma(x[i + 1], w[i + 1], odd);
      }
      acc += even + odd;
    }
    return acc;
  }
}

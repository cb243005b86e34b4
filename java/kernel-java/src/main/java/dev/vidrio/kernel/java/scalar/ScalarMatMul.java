package dev.vidrio.kernel.java.scalar;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.PackedRow;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;

/** The matrix product, as defined by docs/numerics.md, one output at a time. */
public final class ScalarMatMul {
  private final LaneSum sum = new LaneSum();

  /** Returns y[m][n] for floating-point weights. */
  float dot(Weights w, int n, MemorySegment x, int m) {
    long row = (long) n * w.k();
    sum.clear();
    for (int k = 0; k < w.k(); k++) {
      float weight = Elements.get(w.type(), w.data(), row + k);
      sum.fma(k, Elements.get(x, (long) m * w.k() + k), weight);
    }
    return sum.merge();
  }

  /** A row of packed weights, decoded once for all rows of x. */
  static final class Row {
    private final WeightType type;
    private final int[] integers;
    private final float[] scales;
    private final float[] minima;

    /** Decodes row n. */
    Row(Weights w, int n) {
      this.type = w.type();
      this.integers = new int[w.k()];
      this.scales = new float[w.k() / type.subBlock()];
      this.minima = new float[type.hasMinima() ? scales.length : 0];
      var row = new PackedRow(w, n);
      for (int k = 0; k < integers.length; k++) {
        integers[k] = row.integer(k);
      }
      for (int j = 0; j < scales.length; j++) {
        scales[j] = row.scale(j * type.subBlock());
        if (type.hasMinima()) {
          minima[j] = row.minimum(j * type.subBlock());
        }
      }
    }

    /** Returns y[m][n]. */
    float dot(Quantized x, int m) {
      int subBlock = type.subBlock();
      float acc = 0;
      for (int j = 0; j < scales.length; j++) {
        int k = j * subBlock;
        long at = (long) m * integers.length + k;
        float scale = Elements.get(x.scale(), at / QuantizedBuffer.BLOCK);
        int dot = 0;
        for (int i = 0; i < subBlock; i++) {
          dot += integers[k + i] * x.q().get(JAVA_BYTE, at + i);
        }
        acc = Math.fma(dot, scales[j] * scale, acc);
        if (type.hasMinima()) {
          acc = Math.fma(minima[j], scaledSum(x, at, subBlock), acc);
        }
      }
      return acc;
    }
  }

  /** Returns scale · sum of the sub-block of x that begins at element {@code at}. */
  public static float scaledSum(Quantized x, long at, int subBlock) {
    int sum = 0;
    for (int i = 0; i < subBlock; i += QuantizedBuffer.SUM_BLOCK) {
      sum += x.sum().get(JAVA_INT_UNALIGNED, (at + i) / QuantizedBuffer.SUM_BLOCK * Integer.BYTES);
    }
    return Elements.get(x.scale(), at / QuantizedBuffer.BLOCK) * sum;
  }
}

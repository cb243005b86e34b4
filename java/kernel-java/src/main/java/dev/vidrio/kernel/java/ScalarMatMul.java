package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.vidrio.kernel.Packing;
import dev.vidrio.kernel.QuantizedBuffer;
import dev.vidrio.kernel.WeightType;
import dev.vidrio.kernel.Weights;
import dev.vidrio.kernel.Workspace.Quantized;
import java.lang.foreign.MemorySegment;

/** matmul of docs/numerics.md, one output at a time. */
final class ScalarMatMul {
  private static final int BLOCK = QuantizedBuffer.BLOCK;

  private final LaneSum sum = new LaneSum();

  /** y[m][n] for F32 and F16 weights. */
  float dot(Weights w, int n, MemorySegment x, int m) {
    long row = (long) n * w.k();
    sum.clear();
    for (int k = 0; k < w.k(); k++) {
      float weight =
          w.type() == WeightType.F32
              ? Elements.get(w.data(), row + k)
              : Elements.half(w.data(), (row + k) * Short.BYTES);
      sum.fma(k, Elements.get(x, (long) m * w.k() + k), weight);
    }
    return sum.merge();
  }

  /** y[m][n] for packed weights. */
  static float dot(Weights w, int n, Quantized x, int m) {
    int blocks = w.k() / BLOCK;
    float acc = 0;
    for (int b = 0; b < blocks; b++) {
      long block = (long) m * blocks + b;
      float scale = factor(w, n, b, 0) * Elements.get(x.scale(), block);
      acc = Math.fma(blockDot(w, n, b, x.q(), block * BLOCK), scale, acc);
      if (w.type() == WeightType.Q4_1) {
        acc = Math.fma(factor(w, n, b, 1), Elements.get(x.scaledSum(), block), acc);
      }
    }
    return acc;
  }

  private static int blockDot(Weights w, int n, int block, MemorySegment q, long begin) {
    int sum = 0;
    for (int i = 0; i < BLOCK; i++) {
      sum += weight(w, n, block, i) * q.get(JAVA_BYTE, begin + i);
    }
    return sum;
  }

  /** The integer of element i in a block of row n. */
  private static int weight(Weights w, int n, int block, int i) {
    return switch (w.type()) {
      case Q8_0 -> quant(w, n, block, i);
      case Q4_0 -> nibble(w, n, block, i) - 8;
      case Q4_1 -> nibble(w, n, block, i);
      case F32, F16 -> throw new IllegalArgumentException(w.name() + " is not quantized");
    };
  }

  private static int nibble(Weights w, int n, int block, int i) {
    return i < BLOCK / 2 ? quant(w, n, block, i) & 15 : quant(w, n, block, i - BLOCK / 2) >> 4 & 15;
  }

  /** Byte i of the quants in a block of row n. */
  private static byte quant(Weights w, int n, int block, int i) {
    int unit = block * (w.type().quantBytes() / Packing.UNIT) + i / Packing.UNIT;
    int place = (unit * Packing.ROWS + n % Packing.ROWS) * Packing.UNIT + i % Packing.UNIT;
    return w.data().get(JAVA_BYTE, group(w, n) + place);
  }

  /** The scale (0) or minimum (1) of a block of row n. */
  private static float factor(Weights w, int n, int block, int which) {
    long first = group(w, n) + Packing.factorOffset(w.type(), w.k());
    int place = (block * w.type().blockHalves() + which) * Packing.ROWS + n % Packing.ROWS;
    return Elements.half(w.data(), first + (long) place * Short.BYTES);
  }

  /** Offset of the group of row n. */
  private static long group(Weights w, int n) {
    return n / Packing.ROWS * Packing.groupBytes(w.type(), w.k());
  }
}

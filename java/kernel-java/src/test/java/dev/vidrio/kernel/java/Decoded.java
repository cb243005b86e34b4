package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.vidrio.kernel.java.memory.Blocks;
import dev.vidrio.kernel.java.memory.RowBlock;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The elements of a matrix in row layout, decoded independently of the kernels, in double
 * precision: integer · scale + minimum. Floating-point elements have the integer 1.
 */
final class Decoded {
  private static final int[] IQ4_NL = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  final int[] integers;
  final double[] scales;
  final double[] minima;
  private final int k;

  Decoded(Weights w) {
    int count = w.n() * w.k();
    this.k = w.k();
    this.integers = new int[count];
    this.scales = new double[count];
    this.minima = new double[count];
    WeightType type = w.type();
    ByteBuffer bytes = ByteBuffer.wrap(w.data().toArray(JAVA_BYTE)).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i += type.blockElements()) {
      int at = i / type.blockElements() * type.blockBytes();
      block(type, bytes.slice(at, type.blockBytes()).order(ByteOrder.LITTLE_ENDIAN), i);
    }
  }

  /** Returns the value of an element. */
  double element(int row, int column) {
    int i = row * k + column;
    return integers[i] * scales[i] + minima[i];
  }

  private void block(WeightType type, ByteBuffer b, int first) {
    switch (type) {
      case F32 -> set(first, 1, b.getFloat(0), 0);
      case F16 -> set(first, 1, half(b, 0), 0);
      case BF16 -> set(first, 1, Float.intBitsToFloat(b.getShort(0) << 16), 0);
      case Q2_K -> q2k(b, first);
      case Q3_K -> q3k(b, first);
      case Q4_K -> q45k(b, first, 16, 0);
      case Q5_K -> q45k(b, first, 48, 16);
      case Q6_K -> q6k(b, first);
      case IQ4_XS, IQ3_S, IQ3_XXS, IQ2_S, IQ2_XS, IQ2_XXS, IQ1_M, IQ1_S, TQ1_0, TQ2_0 ->
          proved(type, b, first);
      case Q2_0 -> {
        for (int i = 0; i < 64; i++) {
          set(first + i, (b.get(2 + i / 4) >> (i % 4 * 2) & 3) - 1, half(b, 0), 0);
        }
      }
      default -> {
        for (int i = 0; i < 32; i++) {
          of32(type, b, first + i, i);
        }
      }
    }
  }

  private void of32(WeightType type, ByteBuffer b, int to, int i) {
    switch (type) {
      case Q4_0 -> set(to, nibble(b, 2, i) - 8, half(b, 0), 0);
      case Q4_1 -> set(to, nibble(b, 4, i), half(b, 0), half(b, 2));
      case Q5_0 -> set(to, nibble(b, 6, i) + 16 * (b.getInt(2) >> i & 1) - 16, half(b, 0), 0);
      case Q5_1 -> set(to, nibble(b, 8, i) + 16 * (b.getInt(4) >> i & 1), half(b, 0), half(b, 2));
      case Q8_0 -> set(to, b.get(2 + i), half(b, 0), 0);
      case IQ4_NL -> set(to, IQ4_NL[nibble(b, 2, i)], half(b, 0), 0);
      case MXFP4 -> {
        int q = nibble(b, 1, i);
        int exponent = q >> 1 & 3;
        double magnitude =
            exponent == 0 ? (q & 1) / 2.0 : (2 + (q & 1)) / 2.0 * (1 << (exponent - 1));
        int doubled = (int) (2 * magnitude);
        set(to, q < 8 ? doubled : -doubled, Math.scalb(1.0, (b.get(0) & 255) - 128), 0);
      }
      default -> throw new AssertionError(type);
    }
  }

  /** Decodes types for which RowBlockTest compares blocks with the gguf package. */
  private void proved(WeightType type, ByteBuffer b, int first) {
    var block = new RowBlock(type, MemorySegment.ofBuffer(b), 0);
    for (int i = 0; i < 256; i++) {
      int integer = Blocks.integer(type, block.code(i));
      set(first + i, integer, Blocks.scale(type, block, i / type.subBlock()), 0);
    }
  }

  private void set(int i, int integer, double scale, double minimum) {
    integers[i] = integer;
    scales[i] = scale;
    minima[i] = minimum;
  }

  /** Decodes two halves of 128 elements; in each, four quarters of 32 share 32 bytes. */
  private void q2k(ByteBuffer b, int first) {
    for (int i = 0; i < 256; i++) {
      int factors = b.get(i / 16);
      int bits = b.get(16 + i / 128 * 32 + i % 32) >> (i % 128 / 32 * 2);
      set(first + i, bits & 3, half(b, 80) * (factors & 15), -half(b, 82) * (factors >> 4 & 15));
    }
  }

  private void q3k(ByteBuffer b, int first) {
    for (int i = 0; i < 256; i++) {
      int j = i / 16;
      int low = j < 8 ? b.get(96 + j) & 15 : b.get(88 + j) >> 4 & 15;
      int high = (b.getInt(104) >> (j % 4 * 8 + j / 4 * 2)) & 3;
      int bits = b.get(32 + i / 128 * 32 + i % 32) >> (i % 128 / 32 * 2) & 3;
      boolean upper = (b.get(i % 32) >> (i / 32) & 1) == 1;
      set(first + i, upper ? bits : bits - 4, half(b, 108) * (low + 16 * high - 32), 0);
    }
  }

  private void q45k(ByteBuffer b, int first, int nibbles, int fifthBits) {
    for (int i = 0; i < 256; i++) {
      int j = i / 32;
      int scale;
      int minimum;
      if (j < 4) {
        scale = b.get(4 + j) & 63;
        minimum = b.get(8 + j) & 63;
      } else {
        scale = (b.get(8 + j) & 15) | ((b.get(j) & 255) >> 6 << 4);
        minimum = (b.get(8 + j) & 255) >> 4 | (b.get(4 + j) & 255) >> 6 << 4;
      }
      int pair = b.get(nibbles + i / 64 * 32 + i % 32);
      int q = i % 64 < 32 ? pair & 15 : pair >> 4 & 15;
      if (fifthBits > 0) {
        q += 16 * (b.get(fifthBits + i % 32) >> j & 1);
      }
      set(first + i, q, half(b, 0) * scale, -half(b, 2) * minimum);
    }
  }

  private void q6k(ByteBuffer b, int first) {
    for (int i = 0; i < 256; i++) {
      int pair = b.get(i / 128 * 64 + i % 64);
      int low = i % 128 < 64 ? pair & 15 : pair >> 4 & 15;
      int high = b.get(128 + i / 128 * 32 + i % 32) >> (i % 128 / 32 * 2) & 3;
      set(first + i, low + 16 * high - 32, half(b, 208) * b.get(192 + i / 16), 0);
    }
  }

  private static int nibble(ByteBuffer b, int quants, int i) {
    int pair = b.get(quants + i % 16) & 255;
    return i < 16 ? pair % 16 : pair / 16;
  }

  private static double half(ByteBuffer b, int offset) {
    return Float.float16ToFloat(b.getShort(offset));
  }
}

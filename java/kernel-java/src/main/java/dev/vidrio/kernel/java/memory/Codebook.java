package dev.vidrio.kernel.java.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.MemorySegment;

/**
 * Blocks of types with a grid: 8 elements are a grid point of 8 digits, or two points of 4, and 8
 * signs; IQ1 has one sign for all 8. If 8 signs are stored in 7 bits, the number of minus signs is
 * even.
 *
 * @param at offset of the block in {@code data}
 */
record Codebook(WeightType type, MemorySegment data, long at) {
  /** Returns the code of element i: a digit in the lower bits, a sign above it. */
  int code(int i) {
    return switch (type) {
      case IQ3_S, IQ3_XXS -> (point(i) >> (i % 4 * 3) & 7) | sign(i) << 3;
      default -> (point(i) >> (i % 8 * 2) & 3) | sign(i) << 2;
    };
  }

  /** Returns the digits of the grid point of element i, the first in the lowest bits. */
  private int point(int i) {
    int four = i / 4;
    int eight = i / 8;
    int run = i / 32;
    return switch (type) {
      case IQ3_S -> Grids.IQ3_S[bits(2 + four, 0, 8) | bits(66, four, 1) << 8];
      case IQ3_XXS -> Grids.IQ3_XXS[bits(2 + four, 0, 8)];
      case IQ2_S -> Grids.IQ2_S[bits(2 + eight, 0, 8) | bits(66, 2 * eight, 2) << 8];
      case IQ2_XS -> Grids.IQ2_XS[bits(2 + 2 * eight, 0, 9)];
      case IQ2_XXS -> Grids.IQ2_XXS[bits(2 + 8 * run + eight % 4, 0, 8)];
      case IQ1_S -> Grids.IQ1[bits(2 + eight, 0, 8) | bits(34 + 2 * run, eight % 4 * 3, 3) << 8];
      case IQ1_M -> Grids.IQ1[bits(eight, 0, 8) | bits(32, 4 * eight, 3) << 8];
      default -> throw new IllegalArgumentException(type + " has no grid");
    };
  }

  private int sign(int i) {
    int eight = i / 8;
    int run = i / 32;
    return switch (type) {
      case IQ3_S -> bits(74, i, 1);
      case IQ3_XXS -> evenSign(bits(66 + 4 * run, eight % 4 * 7, 7), i % 8);
      case IQ2_S -> bits(34, i, 1);
      case IQ2_XS -> evenSign(bits(2 + 2 * eight, 9, 7), i % 8);
      case IQ2_XXS -> evenSign(bits(6 + 8 * run, eight % 4 * 7, 7), i % 8);
      case IQ1_S -> bits(34 + 2 * run, 15, 1);
      case IQ1_M -> bits(32, 4 * eight + 3, 1);
      default -> throw new IllegalArgumentException(type + " has no grid");
    };
  }

  private static int evenSign(int seven, int i) {
    return i < 7 ? seven >> i & 1 : Integer.bitCount(seven) & 1;
  }

  /** Returns the factor of d in the scale of sub-block j, up to a power of two. */
  int scale(int j) {
    int code =
        switch (type) {
          case IQ3_S -> bits(106, 4 * j, 4);
          case IQ3_XXS -> bits(66 + 4 * j, 28, 4);
          case IQ2_S -> bits(74, 4 * j, 4);
          case IQ2_XS -> bits(66, 4 * j, 4);
          case IQ2_XXS -> bits(2 + 8 * j, 60, 4);
          case IQ1_S -> bits(34 + 2 * j, 12, 3);
          case IQ1_M -> bits(48 + j / 4 * 2, j % 4 * 3, 3);
          default -> throw new IllegalArgumentException(type + " has no grid");
        };
    return 2 * code + 1;
  }

  /** Returns the bits of the half-precision factor d. */
  short half() {
    return (short)
        (type == WeightType.IQ1_M
            ? bits(48, 12, 4) | bits(50, 12, 4) << 4 | bits(52, 12, 4) << 8 | bits(54, 12, 4) << 12
            : bits(0, 0, 16));
  }

  /**
   * Returns {@code count} ≤ 16 bits, from bit {@code first} after byte {@code offset} of the block.
   */
  private int bits(int offset, int first, int count) {
    int value = 0;
    int shift = first % Byte.SIZE;
    long from = at + offset + first / Byte.SIZE;
    for (int i = 0; i * Byte.SIZE < shift + count; i++) {
      value |= Byte.toUnsignedInt(data.get(JAVA_BYTE, from + i)) << (i * Byte.SIZE);
    }
    return value >> shift & (1 << count) - 1;
  }
}

package dev.vidrio.kernel.java.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.MemorySegment;

/**
 * A quantized block in GGUF's layout.
 *
 * @param data the matrix
 * @param at offset of the block in {@code data}
 */
public record RowBlock(WeightType type, MemorySegment data, long at) implements Blocks.Factors {
  /** Returns the value of element i. */
  public float element(int i) {
    int w = Blocks.integer(type, code(i));
    float scale = Blocks.scale(type, this, i / type.subBlock());
    return type.hasMinima()
        ? Math.fma(w, scale, Blocks.minimum(type, this, i / type.subBlock()))
        : w * scale;
  }

  /** Returns the code of element i. */
  public int code(int i) {
    return type.hasGrid() ? codebook().code(i) : low(i) | high(i) << type.lowBits();
  }

  private Codebook codebook() {
    return new Codebook(type, data, at);
  }

  private int low(int i) {
    return switch (type) {
      case Q4_0, IQ4_NL -> bits(2, 4, 16, i);
      case Q4_1 -> bits(4, 4, 16, i);
      case Q5_0 -> bits(6, 4, 16, i);
      case Q5_1 -> bits(8, 4, 16, i);
      case Q8_0 -> bits(2, 8, 32, i);
      case Q2_K -> bits(16, 2, 32, i);
      case Q3_K -> bits(32, 2, 32, i);
      case Q4_K -> bits(16, 4, 32, i);
      case Q5_K -> bits(48, 4, 32, i);
      case Q6_K -> bits(0, 4, 64, i);
      case MXFP4 -> bits(1, 4, 16, i);
      case IQ4_XS -> bits(8, 4, 16, i);
      case TQ1_0 ->
          i < 160
              ? trit(i % 32, i / 32)
              : i < 240 ? trit(32 + i % 16, i / 16 - 10) : trit(48 + i % 4, i / 4 - 60);
      case TQ2_0 -> bits(0, 2, 32, i);
      case Q2_0 -> bits(2, 2, 1, i);
      default -> throw new IllegalArgumentException(type + " has no codes");
    };
  }

  /**
   * Returns digit n, in base 3, of a byte that is a fraction in 256ths: the integer part of 3 times
   * the remainder after n digits.
   */
  private int trit(int offset, int n) {
    int left = at(offset);
    for (int i = 0; i < n; i++) {
      left = (3 * left) & 255;
    }
    return (3 * left) >> 8;
  }

  private int high(int i) {
    return switch (type) {
      case Q5_0 -> bits(2, 1, 1, i);
      case Q5_1 -> bits(4, 1, 1, i);
      case Q3_K -> bits(0, 1, 32, i);
      case Q5_K -> bits(16, 1, 32, i);
      case Q6_K -> bits(128, 2, 32, i);
      default -> 0;
    };
  }

  private int bits(int offset, int width, int run, int i) {
    return Blocks.bits(data, at + offset, width, run, i);
  }

  @Override
  public float half(int i) {
    return Float.float16ToFloat(halfBits(i));
  }

  /** Returns the bits of half-precision factor i. */
  short halfBits(int i) {
    return type.hasGrid()
        ? codebook().half()
        : data.get(JAVA_SHORT_UNALIGNED, at + type.halfOffset() + (long) i * Short.BYTES);
  }

  @Override
  public int whole(int c) {
    return switch (type) {
      case Q6_K -> at(192 + c);
      case Q3_K -> bits(96, 4, 8, c) | bits(104, 2, 4, c) << 4;
      case IQ4_XS -> ((bits(4, 4, 1, c) | bits(2, 2, 1, c) << 4) - 32) & 255;
      case IQ3_S, IQ3_XXS, IQ2_S, IQ2_XS, IQ2_XXS, IQ1_M, IQ1_S -> codebook().scale(c);
      case Q4_K, Q5_K -> c < 8 ? scale(c) : minimum(c - 8);
      default -> at(c);
    };
  }

  /** Returns scale j of Q4_K and Q5_K; the bits of the last four are spread over spare bits. */
  private int scale(int j) {
    return j < 4 ? at(4 + j) & 63 : (at(8 + j) & 15) | (at(j) >> 6 << 4);
  }

  private int minimum(int j) {
    return j < 4 ? at(8 + j) & 63 : (at(8 + j) >> 4) | (at(4 + j) >> 6 << 4);
  }

  private int at(int offset) {
    return Byte.toUnsignedInt(data.get(JAVA_BYTE, at + offset));
  }
}

package dev.vidrio.kernel.weight;

import java.util.Arrays;
import java.util.Optional;

/**
 * Element types of weights that kernels multiply. The ids are those of GGUF files.
 *
 * <p>A row of a quantized matrix is a sequence of blocks, and a block of sub-blocks, each of which
 * has a scale and in some types a minimum. docs/numerics.md says what the bits of a block mean.
 */
public enum WeightType {
  F32(0, 1, 4, 1, 0, 0, 0, 0, 0, false),
  F16(1, 1, 2, 1, 0, 0, 0, 0, 0, false),
  Q4_0(2, 32, 18, 32, 4, 0, 1, 0, 0, false),
  Q4_1(3, 32, 20, 32, 4, 0, 2, 0, 0, true),
  Q5_0(6, 32, 22, 32, 4, 1, 1, 0, 0, false),
  Q5_1(7, 32, 24, 32, 4, 1, 2, 0, 0, true),
  Q8_0(8, 32, 34, 32, 8, 0, 1, 0, 0, false),
  Q2_K(10, 256, 84, 16, 2, 0, 2, 80, 16, true),
  Q3_K(11, 256, 110, 16, 2, 1, 1, 108, 12, false),
  Q4_K(12, 256, 144, 32, 4, 0, 2, 0, 12, true),
  Q5_K(13, 256, 176, 32, 4, 1, 2, 0, 12, true),
  Q6_K(14, 256, 210, 16, 4, 2, 1, 208, 16, false),
  IQ2_XXS(16, 256, 66, 32, 2, 1, 1, 0, 8, false),
  IQ2_XS(17, 256, 74, 16, 2, 1, 1, 0, 16, false),
  IQ3_XXS(18, 256, 98, 32, 4, 0, 1, 0, 8, false),
  IQ1_S(19, 256, 50, 32, 2, 1, 1, 0, 8, false),
  IQ4_NL(20, 32, 18, 32, 4, 0, 1, 0, 0, false),
  IQ3_S(21, 256, 110, 32, 4, 0, 1, 0, 8, false),
  IQ2_S(22, 256, 82, 16, 2, 1, 1, 0, 16, false),
  IQ4_XS(23, 256, 136, 32, 4, 0, 1, 0, 8, false),
  IQ1_M(29, 256, 56, 16, 2, 1, 1, 0, 16, false),
  BF16(30, 1, 2, 1, 0, 0, 0, 0, 0, false),
  TQ1_0(34, 256, 54, 32, 2, 0, 1, 52, 0, false),
  TQ2_0(35, 256, 66, 32, 2, 0, 1, 64, 0, false),
  MXFP4(39, 32, 17, 32, 4, 0, 0, 0, 1, false);

  private final int id;
  private final int blockElements;
  private final int blockBytes;
  private final int subBlock;
  private final int lowBits;
  private final int highBits;
  private final int halves;
  private final int halfOffset;
  private final int factorBytes;
  private final boolean hasMinima;

  WeightType(
      int id,
      int blockElements,
      int blockBytes,
      int subBlock,
      int lowBits,
      int highBits,
      int halves,
      int halfOffset,
      int factorBytes,
      boolean hasMinima) {
    this.id = id;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.subBlock = subBlock;
    this.lowBits = lowBits;
    this.highBits = highBits;
    this.halves = halves;
    this.halfOffset = halfOffset;
    this.factorBytes = factorBytes;
    this.hasMinima = hasMinima;
  }

  /** The type with this number, if kernels multiply it. */
  public static Optional<WeightType> ofId(int id) {
    return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
  }

  /** The type's number in GGUF files and in the C API. */
  public int id() {
    return id;
  }

  /** Elements of a block, of which a row has a whole number; 1 for floating-point types. */
  public int blockElements() {
    return blockElements;
  }

  /** Bytes of a block in GGUF's row-major layout. */
  public int blockBytes() {
    return blockBytes;
  }

  /** Elements that share a scale, and a minimum where there are any; 1 for floating-point types. */
  public int subBlock() {
    return subBlock;
  }

  /** Lower bits of an element's code; 0 for floating-point types. */
  public int lowBits() {
    return lowBits;
  }

  /** Upper bits of an element's code, which lie apart from the lower ones. */
  public int highBits() {
    return highBits;
  }

  /** Bits of an element's code. */
  public int codeBits() {
    return lowBits + highBits;
  }

  /** Half-precision factors of a block: of its scales, and of its minima. */
  public int halves() {
    return halves;
  }

  /**
   * Offset of the half-precision factors in a block of GGUF's layout; IQ1_M has its own in four
   * parts.
   */
  public int halfOffset() {
    return halfOffset;
  }

  /**
   * Bytes of a packed block that are neither codes nor half-precision factors: factors in whole
   * numbers.
   */
  public int factorBytes() {
    return factorBytes;
  }

  /** Whether files have numbers of points of a grid, each for several elements. */
  public boolean hasGrid() {
    return switch (this) {
      case IQ3_S, IQ3_XXS, IQ2_S, IQ2_XS, IQ2_XXS, IQ1_M, IQ1_S -> true;
      default -> false;
    };
  }

  /** Whether sub-blocks have a minimum, which is added to each of their elements. */
  public boolean hasMinima() {
    return hasMinima;
  }

  /** Whether elements are integers with a scale, which multiply quantized activations. */
  public boolean quantized() {
    return blockElements > 1;
  }

  /**
   * Bytes of {@code elements} elements in row-major layout.
   *
   * @throws IllegalArgumentException when they do not fill whole blocks
   * @throws ArithmeticException when the result exceeds a long
   */
  public long bytes(long elements) {
    if (elements < 0 || elements % blockElements != 0) {
      throw new IllegalArgumentException(
          elements + " elements of " + this + " are no multiple of " + blockElements);
    }
    return Math.multiplyExact(elements / blockElements, (long) blockBytes);
  }
}

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
  F32(0, 1, 4, 1, 0, 0, 0, 0, false),
  F16(1, 1, 2, 1, 0, 0, 0, 0, false),
  Q4_0(2, 32, 18, 32, 4, 0, 1, 0, false),
  Q4_1(3, 32, 20, 32, 4, 0, 2, 0, true),
  Q5_0(6, 32, 22, 32, 4, 1, 1, 0, false),
  Q5_1(7, 32, 24, 32, 4, 1, 2, 0, true),
  Q8_0(8, 32, 34, 32, 8, 0, 1, 0, false),
  Q2_K(10, 256, 84, 16, 2, 0, 2, 80, true),
  Q3_K(11, 256, 110, 16, 2, 1, 1, 108, false),
  Q4_K(12, 256, 144, 32, 4, 0, 2, 0, true),
  Q5_K(13, 256, 176, 32, 4, 1, 2, 0, true),
  Q6_K(14, 256, 210, 16, 4, 2, 1, 208, false),
  IQ4_NL(20, 32, 18, 32, 4, 0, 1, 0, false),
  BF16(30, 1, 2, 1, 0, 0, 0, 0, false),
  MXFP4(39, 32, 17, 32, 4, 0, 0, 0, false);

  private final int id;
  private final int blockElements;
  private final int blockBytes;
  private final int subBlock;
  private final int lowBits;
  private final int highBits;
  private final int halves;
  private final int halfOffset;
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
      boolean hasMinima) {
    this.id = id;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.subBlock = subBlock;
    this.lowBits = lowBits;
    this.highBits = highBits;
    this.halves = halves;
    this.halfOffset = halfOffset;
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

  /** Offset of the half-precision factors in a block of GGUF's layout. */
  public int halfOffset() {
    return halfOffset;
  }

  /**
   * Bytes of a block that are neither codes nor half-precision factors: factors in whole numbers.
   */
  public int factorBytes() {
    return blockBytes - blockElements * codeBits() / Byte.SIZE - halves * Short.BYTES;
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

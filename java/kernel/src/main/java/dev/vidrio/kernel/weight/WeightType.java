package dev.vidrio.kernel.weight;

import static dev.vidrio.kernel.weight.WeightType.Trait.GRID;
import static dev.vidrio.kernel.weight.WeightType.Trait.MINIMA;
import static dev.vidrio.kernel.weight.WeightType.Trait.SIX_BIT_FACTORS;

import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/**
 * The element types of weights that kernels multiply: a row of this table has all facts about a
 * type but how to decode its blocks. The ids are those of GGUF files.
 *
 * <p>A row of a quantized matrix is a sequence of blocks, and a block a sequence of sub-blocks,
 * each with a scale and in some types a minimum: {@code w = integer · scale + minimum}.
 * docs/numerics.md defines the bits of a block; {@link Packing} describes the layout that kernels
 * read.
 *
 * <p>The columns: id; elements and bytes of a block; elements of a sub-block; lower and upper bits
 * of a code; half-precision factors of a block and their offset in GGUF's layout; bytes of integer
 * factors of a packed block; traits.
 *
 * @see "docs/adr/004-packed-layout.md"
 */
public enum WeightType {
  F32(0, 1, 4, 1, 0, 0, 0, 0, 0),
  F16(1, 1, 2, 1, 0, 0, 0, 0, 0),
  Q4_0(2, 32, 18, 32, 4, 0, 1, 0, 0),
  Q4_1(3, 32, 20, 32, 4, 0, 2, 0, 0, MINIMA),
  Q5_0(6, 32, 22, 32, 4, 1, 1, 0, 0),
  Q5_1(7, 32, 24, 32, 4, 1, 2, 0, 0, MINIMA),
  Q8_0(8, 32, 34, 32, 8, 0, 1, 0, 0),
  Q2_K(10, 256, 84, 16, 2, 0, 2, 80, 16, MINIMA),
  Q3_K(11, 256, 110, 16, 2, 1, 1, 108, 12, SIX_BIT_FACTORS),
  Q4_K(12, 256, 144, 32, 4, 0, 2, 0, 12, MINIMA, SIX_BIT_FACTORS),
  Q5_K(13, 256, 176, 32, 4, 1, 2, 0, 12, MINIMA, SIX_BIT_FACTORS),
  Q6_K(14, 256, 210, 16, 4, 2, 1, 208, 16),
  IQ2_XXS(16, 256, 66, 32, 2, 1, 1, 0, 8, GRID),
  IQ2_XS(17, 256, 74, 16, 2, 1, 1, 0, 16, GRID),
  IQ3_XXS(18, 256, 98, 32, 4, 0, 1, 0, 8, GRID),
  IQ1_S(19, 256, 50, 32, 2, 1, 1, 0, 8, GRID),
  IQ4_NL(20, 32, 18, 32, 4, 0, 1, 0, 0),
  IQ3_S(21, 256, 110, 32, 4, 0, 1, 0, 8, GRID),
  IQ2_S(22, 256, 82, 16, 2, 1, 1, 0, 16, GRID),
  IQ4_XS(23, 256, 136, 32, 4, 0, 1, 0, 8),
  IQ1_M(29, 256, 56, 16, 2, 1, 1, 0, 16, GRID),
  BF16(30, 1, 2, 1, 0, 0, 0, 0, 0),
  TQ1_0(34, 256, 54, 32, 2, 0, 1, 52, 0),
  TQ2_0(35, 256, 66, 32, 2, 0, 1, 64, 0),
  MXFP4(39, 32, 17, 32, 4, 0, 0, 0, 1);

  /** A property that only some quantized types have. */
  enum Trait {
    /** Sub-blocks have a minimum. */
    MINIMA,
    /** Files store indices of grid points, each for several elements. */
    GRID,
    /** Integer factors have 6 bits, and are packed 16 to 12 bytes. */
    SIX_BIT_FACTORS
  }

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
  private final boolean hasGrid;
  private final boolean hasSixBitFactors;

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
      Trait... traits) {
    this.id = id;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.subBlock = subBlock;
    this.lowBits = lowBits;
    this.highBits = highBits;
    this.halves = halves;
    this.halfOffset = halfOffset;
    this.factorBytes = factorBytes;
    Set<Trait> all = Set.of(traits);
    this.hasMinima = all.contains(MINIMA);
    this.hasGrid = all.contains(GRID);
    this.hasSixBitFactors = all.contains(SIX_BIT_FACTORS);
  }

  /** Returns the type with a number of GGUF, or empty if there are no kernels for it. */
  public static Optional<WeightType> ofId(int id) {
    return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
  }

  /** Returns the number of the type in GGUF files and in the C API. */
  public int id() {
    return id;
  }

  /** Returns the elements of a block; 1 for floating-point types. Rows consist of whole blocks. */
  public int blockElements() {
    return blockElements;
  }

  /** Returns the bytes of a block in GGUF's row-major layout. */
  public int blockBytes() {
    return blockBytes;
  }

  /** Returns the elements that share a scale, and a minimum if any; 1 for floating-point types. */
  public int subBlock() {
    return subBlock;
  }

  /** Returns the lower bits of an element's code; 0 for floating-point types. */
  public int lowBits() {
    return lowBits;
  }

  /** Returns the upper bits of an element's code, which are stored apart from the lower ones. */
  public int highBits() {
    return highBits;
  }

  /** Returns the bits of an element's code. */
  public int codeBits() {
    return lowBits + highBits;
  }

  /** Returns the half-precision factors of a block: of its scales, and of its minima. */
  public int halves() {
    return halves;
  }

  /**
   * Returns the offset of the half-precision factors in a block of GGUF's layout. It does not apply
   * to IQ1_M, whose factor is split into four parts.
   */
  public int halfOffset() {
    return halfOffset;
  }

  /** Returns the bytes of the integer factors of a packed block. */
  public int factorBytes() {
    return factorBytes;
  }

  /** Returns whether files store indices of grid points, each for several elements. */
  public boolean hasGrid() {
    return hasGrid;
  }

  /** Returns whether sub-blocks have a minimum, which is added to each of their elements. */
  public boolean hasMinima() {
    return hasMinima;
  }

  /** Returns whether integer factors have 6 bits instead of 8. */
  public boolean hasSixBitFactors() {
    return hasSixBitFactors;
  }

  /** Returns whether elements are integers with a scale, which multiply quantized activations. */
  public boolean quantized() {
    return blockElements > 1;
  }

  /**
   * Returns the bytes of {@code elements} elements in row-major layout.
   *
   * @throws IllegalArgumentException if they do not fill whole blocks
   * @throws ArithmeticException if the result exceeds a long
   */
  public long bytes(long elements) {
    if (elements < 0 || elements % blockElements != 0) {
      throw new IllegalArgumentException(
          elements + " elements of " + this + ": must be a multiple of " + blockElements);
    }
    return Math.multiplyExact(elements / blockElements, (long) blockBytes);
  }
}

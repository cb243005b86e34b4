package dev.vidrio.kernel.weight;

import static dev.vidrio.kernel.weight.WeightType.Trait.GRID;
import static dev.vidrio.kernel.weight.WeightType.Trait.MINIMA;
import static dev.vidrio.kernel.weight.WeightType.Trait.SIX_BIT_FACTORS;

import dev.vidrio.formats.gguf.GgmlType;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/**
 * The element types of weights that kernels multiply. {@link GgmlType} has a constant of the same
 * name with the facts of the file format: id, elements, bytes and half-precision factors of a
 * block. A row of this table adds those of the packed layout; only how to decode a block is code.
 *
 * <p>A row of a quantized matrix is a sequence of blocks, and a block a sequence of sub-blocks,
 * each with a scale and in some types a minimum: {@code w = integer · scale + minimum}.
 * docs/numerics.md defines the bits of a block; {@link Packing} describes the layout that kernels
 * read.
 *
 * <p>The columns: elements of a sub-block; lower and upper bits of a code; bytes of integer factors
 * of a packed block; traits.
 *
 * @see "docs/adr/004-packed-layout.md"
 */
public enum WeightType {
  F32(1, 0, 0, 0),
  F16(1, 0, 0, 0),
  Q4_0(32, 4, 0, 0),
  Q4_1(32, 4, 0, 0, MINIMA),
  Q5_0(32, 4, 1, 0),
  Q5_1(32, 4, 1, 0, MINIMA),
  Q8_0(32, 8, 0, 0),
  Q2_K(16, 2, 0, 16, MINIMA),
  Q3_K(16, 2, 1, 12, SIX_BIT_FACTORS),
  Q4_K(32, 4, 0, 12, MINIMA, SIX_BIT_FACTORS),
  Q5_K(32, 4, 1, 12, MINIMA, SIX_BIT_FACTORS),
  Q6_K(16, 4, 2, 16),
  IQ2_XXS(32, 2, 1, 8, GRID),
  IQ2_XS(16, 2, 1, 16, GRID),
  IQ3_XXS(32, 4, 0, 8, GRID),
  IQ1_S(32, 2, 1, 8, GRID),
  IQ4_NL(32, 4, 0, 0),
  IQ3_S(32, 4, 0, 8, GRID),
  IQ2_S(16, 2, 1, 16, GRID),
  IQ4_XS(32, 4, 0, 8),
  IQ1_M(16, 2, 1, 16, GRID),
  BF16(1, 0, 0, 0),
  TQ1_0(32, 2, 0, 0),
  TQ2_0(32, 2, 0, 0),
  MXFP4(32, 4, 0, 1),
  Q2_0(32, 2, 0, 0);

  /** A property that only some quantized types have. */
  enum Trait {
    /** Sub-blocks have a minimum. */
    MINIMA,
    /** Files store indices of grid points, each for several elements. */
    GRID,
    /** Integer factors have 6 bits, and are packed 16 to 12 bytes. */
    SIX_BIT_FACTORS
  }

  private final GgmlType format = GgmlType.valueOf(name());
  private final int subBlock;
  private final int lowBits;
  private final int highBits;
  private final int factorBytes;
  private final boolean hasMinima;
  private final boolean hasGrid;
  private final boolean hasSixBitFactors;

  WeightType(int subBlock, int lowBits, int highBits, int factorBytes, Trait... traits) {
    this.subBlock = subBlock;
    this.lowBits = lowBits;
    this.highBits = highBits;
    this.factorBytes = factorBytes;
    Set<Trait> all = Set.of(traits);
    this.hasMinima = all.contains(MINIMA);
    this.hasGrid = all.contains(GRID);
    this.hasSixBitFactors = all.contains(SIX_BIT_FACTORS);
  }

  /** Returns the weight type of a type of files, or empty if there are no kernels for it. */
  public static Optional<WeightType> of(GgmlType format) {
    return Arrays.stream(values()).filter(type -> type.format == format).findFirst();
  }

  /** Returns the number of the type in GGUF files and in the C API. */
  public int id() {
    return format.id();
  }

  /** Returns the elements of a block; 1 for floating-point types. Rows consist of whole blocks. */
  public int blockElements() {
    return format.blockElements();
  }

  /** Returns the bytes of a block in GGUF's row-major layout. */
  public int blockBytes() {
    return format.blockBytes();
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
    return format.halves();
  }

  /** Returns the offset of the half-precision factors in a block of GGUF's layout. */
  public int halfOffset() {
    return format.halfOffset();
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
    return blockElements() > 1;
  }

  /**
   * Returns the bytes of {@code elements} elements in row-major layout.
   *
   * @throws IllegalArgumentException if they do not fill whole blocks
   * @throws ArithmeticException if the result exceeds a long
   */
  public long bytes(long elements) {
    return format.bytes(elements);
  }
}

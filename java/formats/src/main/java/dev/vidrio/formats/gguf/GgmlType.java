package dev.vidrio.formats.gguf;

import java.util.Optional;

/**
 * The element types of ggml tensors, with their ids in the file and block sizes.
 *
 * <p>A row of a tensor is a sequence of blocks; each block holds {@link #blockElements()} elements
 * in {@link #blockBytes()} bytes, among them {@link #halves()} half-precision factors. A listed
 * type can be read from a file, converted and inspected; the types that kernels compute with are
 * listed in {@code docs/formats.md}.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">The GGUF
 *     specification</a>
 */
public enum GgmlType {
  /** IEEE single precision. */
  F32(0, 1, 4),
  /** IEEE half precision. */
  F16(1, 1, 2),
  /** 4 bits with zero point 8; one scale. */
  Q4_0(2, 32, 18, 1, 0),
  /** 4 bits; scale and minimum. */
  Q4_1(3, 32, 20, 2, 0),
  /** 5 bits with zero point 16; one scale. */
  Q5_0(6, 32, 22, 1, 0),
  /** 5 bits; scale and minimum. */
  Q5_1(7, 32, 24, 2, 0),
  /** 8 bits; one scale. */
  Q8_0(8, 32, 34, 1, 0),
  /** 8 bits; scale and sum, for activations. */
  Q8_1(9, 32, 36),
  /** 2 bits; 16 sub-blocks with 4-bit scales and minima. */
  Q2_K(10, 256, 84, 2, 80),
  /** 3 bits; 16 sub-blocks with 6-bit scales. */
  Q3_K(11, 256, 110, 1, 108),
  /** 4 bits; 8 sub-blocks with 6-bit scales and minima. */
  Q4_K(12, 256, 144, 2, 0),
  /** 5 bits; 8 sub-blocks with 6-bit scales and minima. */
  Q5_K(13, 256, 176, 2, 0),
  /** 6 bits; 16 sub-blocks with 8-bit scales. */
  Q6_K(14, 256, 210, 1, 208),
  /** 8 bits; one scale and sums of 16, for activations. */
  Q8_K(15, 256, 292),
  /** 2.06 bits on a lattice. */
  IQ2_XXS(16, 256, 66, 1, 0),
  /** 2.31 bits on a lattice. */
  IQ2_XS(17, 256, 74, 1, 0),
  /** 3.06 bits on a lattice. */
  IQ3_XXS(18, 256, 98, 1, 0),
  /** 1.56 bits on a lattice. */
  IQ1_S(19, 256, 50, 1, 0),
  /** 4 bits that index a nonuniform codebook; one scale. */
  IQ4_NL(20, 32, 18, 1, 0),
  /** 3.44 bits on a lattice. */
  IQ3_S(21, 256, 110, 1, 0),
  /** 2.56 bits on a lattice. */
  IQ2_S(22, 256, 82, 1, 0),
  /** 4 bits that index a nonuniform codebook; 8 sub-blocks with 6-bit scales. */
  IQ4_XS(23, 256, 136, 1, 0),
  /** Signed integers of 8 bits. */
  I8(24, 1, 1),
  /** Signed integers of 16 bits. */
  I16(25, 1, 2),
  /** Signed integers of 32 bits. */
  I32(26, 1, 4),
  /** Signed integers of 64 bits. */
  I64(27, 1, 8),
  /** IEEE double precision. */
  F64(28, 1, 8),
  /** 1.75 bits on a lattice. */
  IQ1_M(29, 256, 56, 1, 0),
  /** bfloat16: the upper half of IEEE single precision. */
  BF16(30, 1, 2),
  /** Ternary, five elements per byte; one scale. */
  TQ1_0(34, 256, 54, 1, 52),
  /** Ternary, four elements per byte; one scale. */
  TQ2_0(35, 256, 66, 1, 64),
  /** 4-bit floats (E2M1) with a power-of-two scale. */
  MXFP4(39, 32, 17),
  /** 4-bit floats (E2M1) in sub-blocks of 16 with 8-bit float scales. */
  NVFP4(40, 64, 36),
  /** 1 bit; one scale. */
  Q1_0(41, 128, 18),
  /** 2 bits; one scale. */
  Q2_0(42, 64, 18, 1, 0);

  private static final GgmlType[] BY_ID = new GgmlType[43];

  static {
    for (GgmlType type : values()) {
      BY_ID[type.id] = type;
    }
  }

  private final int id;
  private final int blockElements;
  private final int blockBytes;
  private final int halves;
  private final int halfOffset;

  GgmlType(int id, int blockElements, int blockBytes) {
    this(id, blockElements, blockBytes, 0, 0);
  }

  GgmlType(int id, int blockElements, int blockBytes, int halves, int halfOffset) {
    this.id = id;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.halves = halves;
    this.halfOffset = halfOffset;
  }

  /** Returns the type with an id, or empty if ggml does not define it or has removed it. */
  public static Optional<GgmlType> ofId(long id) {
    return id < 0 || id >= BY_ID.length ? Optional.empty() : Optional.ofNullable(BY_ID[(int) id]);
  }

  /** Returns the name of a type that ggml has removed, by its former id. */
  static Optional<String> removedName(long id) {
    return Optional.ofNullable(
        switch ((int) Math.min(id, Integer.MAX_VALUE)) {
          case 4 -> "Q4_2";
          case 5 -> "Q4_3";
          case 31 -> "Q4_0_4_4";
          case 32 -> "Q4_0_4_8";
          case 33 -> "Q4_0_8_8";
          case 36 -> "IQ4_NL_4_4";
          case 37 -> "IQ4_NL_4_8";
          case 38 -> "IQ4_NL_8_8";
          default -> null;
        });
  }

  /** Returns the type's id in the file. */
  public int id() {
    return id;
  }

  /** Returns the number of elements in a block; 1 for types that are not quantized. */
  public int blockElements() {
    return blockElements;
  }

  /** Returns the number of bytes of a block. */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * Returns the number of half-precision factors of a block: of its scales, and of its minima. It
   * is 0 for types that kernels do not compute with.
   */
  public int halves() {
    return halves;
  }

  /**
   * Returns the offset of the half-precision factors in a block. It does not apply to IQ1_M, which
   * splits its factor into four parts.
   */
  public int halfOffset() {
    return halfOffset;
  }

  /**
   * Returns the number of bytes that elements occupy.
   *
   * @param elements a multiple of {@link #blockElements()}, not negative
   * @throws IllegalArgumentException if it is not
   * @throws ArithmeticException if the bytes exceed a {@code long}
   */
  public long bytes(long elements) {
    if (elements < 0 || elements % blockElements != 0) {
      throw new IllegalArgumentException(
          elements
              + " elements are not a multiple of the "
              + this
              + " block size "
              + blockElements);
    }
    return Math.multiplyExact(elements / blockElements, (long) blockBytes);
  }
}

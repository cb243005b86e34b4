package dev.vidrio.kernel.weight;

/**
 * The packed layout of quantized matrices: groups of 16 interleaved rows, so that 16 outputs fill
 * the lanes of a vector. Every instruction set reads this one layout.
 *
 * <pre>
 *   group  = step × K/32, then factors of each block, padded with zeros to 64 bytes
 *   step   = lowBits units of lower code bits, then highBits units of upper code bits
 *   unit   = [16 rows][4 bytes]
 *   factor = [halves][16 rows] f16, then the integer factors:
 *            [factorBytes][16 rows] bytes, or of types with 6-bit factors 3 units
 * </pre>
 *
 * <p>A plane of w units in a step has w bits of each code: of a row, byte j holds columns j, j +
 * 4w, j + 8w and so on of the step, the first in its lowest bits. Of 6-bit factors, the words of
 * the first two units hold the lower 4 bits of factors 0 to 7 and 8 to 15, and those of the third
 * unit the upper 2 bits. Rows beyond N are zero.
 *
 * @see "docs/adr/004-packed-layout.md"
 */
public final class Packing {
  /** Rows of a group. */
  public static final int ROWS = 16;

  /** Adjacent bytes of one row. */
  public static final int UNIT = 4;

  /** Bytes of a unit over the rows of a group. */
  public static final int UNIT_BYTES = ROWS * UNIT;

  /** Columns of a step. */
  public static final int STEP = 32;

  private static final int ALIGNMENT = 64;

  /** Bytes of a group that vd_matmul packs into scratch memory, at least. */
  private static final int SCRATCH_BYTES = 512 << 10;

  private Packing() {}

  /** Returns the number of groups for {@code n} rows. */
  public static int groups(int n) {
    return Math.ceilDiv(n, ROWS);
  }

  /** Returns the bytes of the codes of a step over the rows of a group. */
  public static int stepBytes(WeightType type) {
    return UNIT_BYTES * type.codeBits();
  }

  /** Returns the offset of the factors in a group. */
  public static long factorOffset(WeightType type, int k) {
    return (long) k / STEP * stepBytes(type);
  }

  /** Returns the bytes of the factors of a block over the rows of a group. */
  public static int blockFactorBytes(WeightType type) {
    return ROWS * (Short.BYTES * type.halves() + type.factorBytes());
  }

  /** Returns the bytes from one group to the next. */
  public static long groupBytes(WeightType type, int k) {
    if (!type.quantized() || k % type.blockElements() != 0) {
      throw new IllegalArgumentException(
          "rows of " + k + " " + type + " elements cannot be packed");
    }
    int codeBytes = type.blockElements() * type.codeBits() / Byte.SIZE;
    long blockBytes = (long) ROWS * codeBytes + blockFactorBytes(type);
    return Math.ceilDiv(k / type.blockElements() * blockBytes, ALIGNMENT) * (long) ALIGNMENT;
  }

  /**
   * Returns whether a group fits the scratch memory of a worker, as products with matrices that are
   * not packed require.
   */
  public static boolean fitsScratch(WeightType type, int k) {
    return groupBytes(type, k) <= SCRATCH_BYTES;
  }

  /** Returns the bytes of a packed [n, k] matrix. */
  public static long bytes(WeightType type, int n, int k) {
    return Math.multiplyExact(groups(n), groupBytes(type, k));
  }
}

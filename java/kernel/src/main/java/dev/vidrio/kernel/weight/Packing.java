package dev.vidrio.kernel.weight;

/**
 * The packed layout of quantized matrices: groups of 16 rows side by side, so that 16 outputs fill
 * the lanes of a vector.
 *
 * <p>A group holds first the codes of all columns, in steps of 32, as units of 16 rows × 4 bytes. A
 * step has as many units of lower bits as a code has lower bits, then as many of upper bits: in a
 * part of w bits, byte j of a row holds columns j, j + 4w, j + 8w and so on of the step, the first
 * in its lowest bits. After the codes come the factors of all blocks, those of a block as 16 halves
 * for each half that it has, then what scales and minima have in whole numbers: 16 bytes for each,
 * or, where they have 6 bits, three units for 16 of them, the lower 4 bits in the words of the
 * first two and the upper 2 in those of the third. Groups start at multiples of 64 bytes; the last
 * one is filled up with zeros. Every instruction set reads this one layout
 * (docs/adr/004-packed-layout.md).
 */
public final class Packing {
  /** Rows of a group. */
  public static final int ROWS = 16;

  /** Adjacent bytes of one row. */
  public static final int UNIT = 4;

  /** Bytes of a unit over the rows of a group. */
  public static final int UNIT_BYTES = ROWS * UNIT;

  /** Columns whose codes lie together. */
  public static final int STEP = 32;

  private static final int ALIGNMENT = 64;

  private Packing() {}

  /** Number of groups that {@code n} rows fill. */
  public static int groups(int n) {
    return Math.ceilDiv(n, ROWS);
  }

  /** Bytes of the codes of a step over the rows of a group. */
  public static int stepBytes(WeightType type) {
    return UNIT_BYTES * type.codeBits();
  }

  /** Offset of the factors in a group. */
  public static long factorOffset(WeightType type, int k) {
    return (long) k / STEP * stepBytes(type);
  }

  /** Bytes of the factors of a block over the rows of a group. */
  public static int blockFactorBytes(WeightType type) {
    return ROWS * (Short.BYTES * type.halves() + type.factorBytes());
  }

  /** Bytes from one group to the next. */
  public static long groupBytes(WeightType type, int k) {
    if (!type.quantized() || k % type.blockElements() != 0) {
      throw new IllegalArgumentException("rows of " + k + " " + type + " cannot be packed");
    }
    int codeBytes = type.blockElements() * type.codeBits() / Byte.SIZE;
    long blockBytes = (long) ROWS * codeBytes + blockFactorBytes(type);
    return Math.ceilDiv(k / type.blockElements() * blockBytes, ALIGNMENT) * (long) ALIGNMENT;
  }

  /** Bytes of a packed [n, k] matrix. */
  public static long bytes(WeightType type, int n, int k) {
    return Math.multiplyExact(groups(n), groupBytes(type, k));
  }
}

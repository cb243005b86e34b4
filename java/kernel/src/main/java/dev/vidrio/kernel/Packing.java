package dev.vidrio.kernel;

/**
 * The packed layout of quantized matrices: groups of 16 rows side by side, so that 16 outputs fill
 * the lanes of a vector.
 *
 * <p>A group holds first the quants of all K/32 blocks, each block as units of 16 rows × 4 bytes,
 * then the factors of all blocks: 16 scales as halves, and 16 minima where the type has them.
 * Groups start at multiples of 64 bytes; the last one is filled up with zero rows. Every
 * instruction set reads this one layout (docs/adr/004-packed-layout.md).
 */
public final class Packing {
  /** Rows of a group. */
  public static final int ROWS = 16;

  /** Adjacent bytes of one row. */
  public static final int UNIT = 4;

  private static final int ALIGNMENT = 64;

  private Packing() {}

  /** Number of groups that {@code n} rows fill. */
  public static int groups(int n) {
    return Math.ceilDiv(n, ROWS);
  }

  /** Bytes of a block's quants over the 16 rows of a group. */
  public static long blockQuantBytes(WeightType type) {
    return (long) ROWS * type.quantBytes();
  }

  /** Offset of the factors in a group. */
  public static long factorOffset(WeightType type, int k) {
    return blocks(type, k) * blockQuantBytes(type);
  }

  /** Bytes from one group to the next. */
  public static long groupBytes(WeightType type, int k) {
    long bytes = blocks(type, k) * ROWS * type.blockBytes();
    return Math.ceilDiv(bytes, ALIGNMENT) * (long) ALIGNMENT;
  }

  /** Bytes of a packed [n, k] matrix. */
  public static long bytes(WeightType type, int n, int k) {
    return Math.multiplyExact(groups(n), groupBytes(type, k));
  }

  private static long blocks(WeightType type, int k) {
    if (!type.quantized() || k % type.blockElements() != 0) {
      throw new IllegalArgumentException("rows of " + k + " " + type + " cannot be packed");
    }
    return k / type.blockElements();
  }
}

package dev.vidrio.kernel.java.scalar;

/** The rounding of operands of products in bf16, as docs/numerics.md defines it. */
public final class Bf16 {
  /** The smallest magnitude of an operand other than 0. */
  public static final float MIN = 0x1p-50f;

  /** Columns of products that are added together. */
  public static final int BLOCK = 32;

  private Bf16() {}

  /** Rounds to the nearest bf16, ties to even, and to 0 below {@link #MIN}. */
  public static float round(float x) {
    if (Float.isNaN(x)) {
      return x;
    }
    int bits = Float.floatToRawIntBits(x);
    float rounded = Float.intBitsToFloat((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
    return Math.abs(rounded) < MIN ? 0 : rounded;
  }

  /** Returns the number of columns with zeros up to a multiple of {@link #BLOCK}. */
  public static int padded(int columns) {
    return Math.ceilDiv(columns, BLOCK) * BLOCK;
  }
}

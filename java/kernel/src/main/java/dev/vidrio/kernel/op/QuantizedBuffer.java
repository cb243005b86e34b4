package dev.vidrio.kernel.op;

/** A named activation as int8 in blocks of 32, with each block's scale and sums. */
public record QuantizedBuffer(String name, Rows rows, int width) implements Operand {
  /** Elements that share a scale. */
  public static final int BLOCK = 32;

  /** Elements that share a sum. */
  public static final int SUM_BLOCK = 16;

  public QuantizedBuffer {
    if (width <= 0 || width % BLOCK != 0) {
      throw new IllegalArgumentException(
          name + ": width " + width + " is no positive multiple of " + BLOCK);
    }
  }

  @Override
  public QuantizedBuffer like(String otherName, Rows otherRows) {
    return new QuantizedBuffer(otherName, otherRows, width);
  }

  /** Blocks of a row. */
  public int blocks() {
    return width / BLOCK;
  }
}

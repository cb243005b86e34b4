package dev.vidrio.kernel.op;

/**
 * A named activation that is quantized to int8 in blocks of {@value #BLOCK} elements, each with a
 * scale and sums of its elements: the input of products with quantized weights.
 *
 * @param width elements of a row, a positive multiple of {@value #BLOCK}
 */
public record QuantizedBuffer(String name, Rows rows, int width) implements Operand {
  /** Elements that share a scale. */
  public static final int BLOCK = 32;

  /** Elements that share a sum. */
  public static final int SUM_BLOCK = 16;

  public QuantizedBuffer {
    if (width <= 0 || width % BLOCK != 0) {
      throw new IllegalArgumentException(
          name + ": width " + width + " must be a positive multiple of " + BLOCK);
    }
  }

  @Override
  public QuantizedBuffer like(String otherName, Rows otherRows) {
    return new QuantizedBuffer(otherName, otherRows, width);
  }

  /** Returns the number of blocks of a row. */
  public int blocks() {
    return width / BLOCK;
  }
}

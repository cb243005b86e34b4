package dev.vidrio.kernel.op;

/**
 * A named f32 activation of a plan, [rows, width], row-major. Names are hook points such as {@code
 * blocks.0.attn.hook_q}.
 */
public record Buffer(String name, Rows rows, int width) implements Operand {
  public Buffer {
    if (width <= 0) {
      throw new IllegalArgumentException(name + ": width " + width + " is not positive");
    }
  }

  @Override
  public Buffer like(String otherName, Rows otherRows) {
    return new Buffer(otherName, otherRows, width);
  }

  @Override
  public Buffer like(String otherName) {
    return like(otherName, rows);
  }
}

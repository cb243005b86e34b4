package dev.vidrio.kernel.op;

/**
 * A named activation of a plan: f32, [rows, width], row-major. The name identifies the activation
 * in the plan and is the hook point at which it can be captured or edited, such as {@code
 * blocks.0.attn.hook_q}.
 *
 * <p>After a step, {@link dev.vidrio.kernel.ExecutablePlan#data} gives the values of buffers that
 * are outputs of the plan; the memory of others has been reused.
 *
 * @param name unique in a plan
 * @param rows whether there is a row per token or per requested row of logits
 * @param width elements of a row, positive
 */
public record Buffer(String name, Rows rows, int width) implements Operand {
  public Buffer {
    if (width <= 0) {
      throw new IllegalArgumentException(name + ": width " + width + " must be positive");
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

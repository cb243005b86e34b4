package dev.vidrio.kernel.op;

/**
 * A named activation that operations of a plan read and write: a {@link Buffer} of floats, or a
 * {@link QuantizedBuffer} of int8 blocks that products with quantized weights read.
 *
 * <p>An operand describes; memory is assigned when an executor prepares the plan, and operands that
 * are not in use at the same time share it. Operands are equal if name, rows and width are.
 */
public sealed interface Operand permits Buffer, QuantizedBuffer {
  /** The name, unique in a plan. */
  String name();

  /** The number of rows in a step. */
  Rows rows();

  /** Elements of a row. */
  int width();

  /** Returns an operand of the same kind and width with another name and other rows. */
  Operand like(String otherName, Rows otherRows);

  /** Returns an operand of the same kind, rows and width with another name. */
  default Operand like(String otherName) {
    return like(otherName, rows());
  }
}

package dev.vidrio.kernel.op;

/** The input of a matrix product: a {@link Buffer} or a {@link QuantizedBuffer}. */
public sealed interface Operand permits Buffer, QuantizedBuffer {
  /** The buffer's name, unique in a plan. */
  String name();

  /** How many rows it has in a step. */
  Rows rows();

  /** Elements of a row. */
  int width();

  /** Another one of the same kind and width. */
  Operand like(String otherName, Rows otherRows);

  /** Another one of the same kind, rows and width. */
  default Operand like(String otherName) {
    return like(otherName, rows());
  }
}

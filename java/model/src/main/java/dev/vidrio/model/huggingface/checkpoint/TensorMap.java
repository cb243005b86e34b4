package dev.vidrio.model.huggingface.checkpoint;

import java.util.function.IntToDoubleFunction;
import java.util.function.IntUnaryOperator;

/** Receives the name and the layout in GGUF of each tensor of a checkpoint. */
public interface TensorMap {
  /** Returns whether the checkpoint has a tensor. */
  boolean has(String from);

  /** Takes a tensor as it is. */
  void take(String from, String to);

  /** Takes a tensor as it is, if it is there. */
  void takeOptional(String from, String to);

  /** Takes {@code from.weight} and, if it is there, {@code from.bias}. */
  default void takeLinear(String from, String to) {
    take(from + ".weight", to + ".weight");
    takeOptional(from + ".bias", to + ".bias");
  }

  /**
   * Takes {@code from.weight} and, if it is there, {@code from.bias} with their rows in another
   * order.
   *
   * @param rows how many there must be
   * @param source the checkpoint's row of each row
   */
  void takeRows(String from, String to, int rows, IntUnaryOperator source);

  /**
   * Takes some rows of one tensor, in an order; a vector counts as rows of one element.
   *
   * @param rows how many it must have
   * @param n how many are taken
   * @param source the checkpoint's row of each row
   */
  void takeRows(String from, String to, int rows, int n, IntUnaryOperator source);

  /**
   * Takes a matrix with each row times a factor, rounded to the matrix's type.
   *
   * @param rows how many there must be; 0 for any number
   */
  void takeScaled(String from, String to, int rows, IntToDoubleFunction factor);

  /**
   * Takes a matrix with its columns in another order.
   *
   * @param columns how many there must be
   * @param source the checkpoint's column of each column
   */
  void takeOrderedColumns(String from, String to, int columns, IntUnaryOperator source);

  /**
   * Takes the kernels [d, 1, L] of a convolution of each column on its own as a matrix [d, L].
   *
   * @param d how many there must be
   * @param source the checkpoint's kernel of each row
   */
  void takeKernels(String from, String to, int d, IntUnaryOperator source);

  /**
   * Takes a vector of logarithms of decay rates as negative rates.
   *
   * @param n required number of elements
   * @param source the checkpoint's element of each element
   */
  void takeRates(String from, String to, int n, IntUnaryOperator source);

  /** Takes a vector of logarithms of decay rates as a matrix [n, 1] of negative rates. */
  void takeRates(String from, String to, int n);

  /**
   * Takes a vector of decay rates before their softplus as negative rates.
   *
   * @param n required number of elements
   * @param factor of the softplus
   */
  void takeSoftplusRates(String from, String to, int n, double factor);

  /** Takes a vector of n · k elements as a matrix [n, k]. */
  void takeFolded(String from, String to, int n, int k);

  /** Takes the matrix {@code from.weight} transposed, and {@code from.bias} if it is there. */
  void takeTransposed(String from, String to);

  /** Takes the gain of a norm that multiplies by 1 + gain. */
  void takePlusOne(String from, String to);

  /**
   * Takes tensors of one shape as a stack.
   *
   * @param pattern their names, with {@code %d} for the index
   */
  void takeStacked(String pattern, int count, String to);

  /** Takes a matrix [E · N, K] as a stack [E, N, K]. */
  void takeSplit(String from, int count, String to);

  /** Takes a matrix [E · K, N] as a stack [E, N, K]. */
  void takeSplitColumns(String from, int count, String to);

  /**
   * Takes a matrix [2N, K], or a stack [E, 2N, K], as two of [N, K]: the upper rows of each matrix,
   * and the lower.
   */
  void takeHalves(String from, String upper, String lower);

  /**
   * Takes a matrix that has the rows of each head one after the other, [H · (first + rest), K], as
   * two stacks: the first rows of each head transposed, [H, K, first], and the others, [H, rest,
   * K].
   */
  void takeHeads(String from, int heads, int first, String transposed, String others);

  /**
   * Takes each {@code step}-th column, from {@code first} on, of a stack of matrices [E, K, N] as
   * the rows of a stack [E, N / step, K].
   */
  void takeColumns(String from, String to, int first, int step);

  /**
   * Takes a stack of matrices [E, K, 2N] as two stacks [E, N, K]: the left columns of each as rows,
   * and the right.
   */
  void takeColumnHalves(String from, String left, String right);

  /** Takes each {@code step}-th element, from {@code first} on, of each row of a matrix. */
  void takeElements(String from, String to, int first, int step);

  /**
   * Takes each {@code step}-th row, from {@code first} on, of a stack of matrices [E, N, K] of
   * MXFP4: codes in {@code from_blocks}, two to a byte, and exponents in {@code from_scales}.
   */
  void takeMxfp4(String from, String to, int first, int step);

  /** Adds a vector that the checkpoint does not have. */
  void addVector(String to, float[] values);

  /** Ignores a tensor without information: a computed table, a copy of a tied one. */
  void ignore(String from);

  /** Ignores all tensors whose names have a prefix. */
  void ignoreAll(String prefix);
}

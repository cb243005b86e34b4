package dev.vidrio.model.block;

import dev.vidrio.kernel.weight.Weights;

/**
 * The rows of a model file's tensor that a matrix of the plan consists of. The name of the matrix
 * has them: {@code blk.0.attn_qkv.weight[0:576]}, or, if rows of each head are taken, those of the
 * first head and the stride: {@code blk.0.attn_q.weight[0:256/512]}.
 *
 * @param tensor the tensor's name
 * @param first the first row
 * @param n number of adjacent rows
 * @param stride distance between the first rows of adjacent ones; 0 if there is one run of rows
 */
public record TensorRows(String tensor, int first, int n, int stride) {
  /** Makes one run of rows. */
  TensorRows(String tensor, int first, int n) {
    this(tensor, first, n, 0);
  }

  /** Returns the rows of a matrix of the plan. */
  public static TensorRows of(Weights matrix) {
    String name = matrix.name();
    int bracket = name.indexOf('[');
    if (bracket < 0) {
      return new TensorRows(name, 0, matrix.n());
    }
    int colon = name.indexOf(':', bracket);
    int slash = name.indexOf('/', bracket);
    int end = name.indexOf(']', bracket);
    String tensor = name.substring(0, bracket);
    int first = Integer.parseInt(name, bracket + 1, colon, 10);
    if (slash < 0) {
      return new TensorRows(tensor, first, matrix.n());
    }
    int n = Integer.parseInt(name, colon + 1, slash, 10) - first;
    return new TensorRows(tensor, first, n, Integer.parseInt(name, slash + 1, end, 10));
  }

  /** Returns the tensor's row of a row of the matrix. */
  public int row(int i) {
    return i / n * stride + first + i % n;
  }

  /** Returns the name of a matrix that is a part of its tensor. */
  String name() {
    return tensor + "[" + first + ":" + (first + n) + (stride == 0 ? "" : "/" + stride) + "]";
  }
}

package dev.vidrio.model.block;

import dev.vidrio.kernel.weight.Weights;

/**
 * Which rows of a model file's tensor a matrix of the plan has. A fused tensor is several matrices,
 * whose names say their rows: {@code blk.0.attn_qkv.weight[0:576]}. Where it has those of each head
 * together, they say the rows of the first head and how many each has: {@code
 * blk.0.attn_q.weight[0:256/512]}.
 *
 * @param tensor the tensor's name
 * @param first the first row
 * @param n the number of rows that lie together
 * @param stride how many rows behind these the next ones begin
 */
public record TensorRows(String tensor, int first, int n, int stride) {
  /** Rows that lie together. */
  TensorRows(String tensor, int first, int n) {
    this(tensor, first, n, 0);
  }

  /** The rows of a matrix of the plan. */
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

  /** The tensor's row of a row of the matrix. */
  public int row(int i) {
    return i / n * stride + first + i % n;
  }

  /** The name of a matrix that is a part of its tensor. */
  String name() {
    return tensor + "[" + first + ":" + (first + n) + (stride == 0 ? "" : "/" + stride) + "]";
  }
}

package dev.vidrio.model.block;

import dev.vidrio.kernel.weight.Weights;

/**
 * Which rows of a model file's tensor a matrix of the plan has. A fused tensor is several matrices,
 * whose names say their rows: {@code blk.0.attn_qkv.weight[0:576]}.
 *
 * @param tensor the tensor's name
 * @param first the first row
 * @param n the number of rows
 */
public record TensorRows(String tensor, int first, int n) {
  /** The rows of a matrix of the plan. */
  public static TensorRows of(Weights matrix) {
    String name = matrix.name();
    int bracket = name.indexOf('[');
    if (bracket < 0) {
      return new TensorRows(name, 0, matrix.n());
    }
    int first = Integer.parseInt(name, bracket + 1, name.indexOf(':', bracket), 10);
    return new TensorRows(name.substring(0, bracket), first, matrix.n());
  }

  /** The name of a matrix that is a part of its tensor. */
  String name() {
    return tensor + "[" + first + ":" + (first + n) + "]";
  }
}

package dev.vidrio.formats.gguf;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One tensor of a model file.
 *
 * @param name its name in the file, such as {@code blk.0.attn_q.weight}
 * @param type the type of its elements
 * @param shape 1 to 4 sizes in the file's order: the first dimension varies fastest, so that a
 *     matrix of N rows and K columns reads {@code [K, N]}
 * @param offset where its data begins, in bytes from the start of the file; a multiple of the
 *     file's alignment
 * @param data exactly its data, read-only; closed with the file's arena
 */
public record GgufTensor(
    String name, GgmlType type, List<Long> shape, long offset, MemorySegment data) {

  /** Keeps a copy of the shape and a read-only view of the data. */
  public GgufTensor {
    shape = List.copyOf(shape);
    data = data.asReadOnly();
  }

  /**
   * Returns the size of a dimension; 1 for those that the shape leaves out.
   *
   * @param index 0 for the dimension that varies fastest
   */
  public long dim(int index) {
    return index < shape.size() ? shape.get(index) : 1;
  }

  /** Returns how many elements the tensor has. */
  public long elements() {
    return dim(0) * rows();
  }

  /** Returns how many rows of {@code dim(0)} elements the tensor has. */
  public long rows() {
    return dim(1) * dim(2) * dim(3);
  }

  /** Says name, type and shape, such as {@code blk.0.attn_q.weight Q8_0 [256, 256]}. */
  @Override
  public String toString() {
    return name + " " + type + " " + shape;
  }
}

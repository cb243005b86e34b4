package dev.vidrio.formats.gguf;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One tensor of a GGUF file.
 *
 * <p>Dimensions are listed with the fastest-varying one first, the reverse of NumPy and
 * safetensors: the weight of a linear layer with N outputs and K inputs has shape {@code [K, N]},
 * its data is N rows of K elements, and each row is a sequence of {@link GgmlType} blocks.
 *
 * @param name the name in the file, such as {@code blk.0.attn_q.weight}
 * @param type the element type
 * @param shape 1 to 4 sizes, the fastest-varying dimension first
 * @param offset the start of the data, in bytes from the start of the file; a multiple of the
 *     file's alignment
 * @param data exactly the tensor's bytes, read-only; valid until the file's arena is closed
 */
public record GgufTensor(
    String name, GgmlType type, List<Long> shape, long offset, MemorySegment data) {

  /** Copies the shape and makes the data read-only. */
  public GgufTensor {
    shape = List.copyOf(shape);
    data = data.asReadOnly();
  }

  /**
   * Returns the size of a dimension; 1 for dimensions beyond the shape.
   *
   * @param index 0 for the fastest-varying dimension
   */
  public long dim(int index) {
    return index < shape.size() ? shape.get(index) : 1;
  }

  /** Returns the number of elements. */
  public long elements() {
    return dim(0) * rows();
  }

  /** Returns the number of rows of {@code dim(0)} elements. */
  public long rows() {
    return dim(1) * dim(2) * dim(3);
  }

  /** Returns name, type and shape, such as {@code blk.0.attn_q.weight Q8_0 [256, 256]}. */
  @Override
  public String toString() {
    return name + " " + type + " " + shape;
  }
}

package dev.vidrio.formats.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.List;

/**
 * A tensor that is made on demand, so that rewriting a model takes no more memory than one tensor.
 *
 * @param name its name in GGUF files
 * @param type the type of its elements
 * @param shape 1 to 4 sizes, the first dimension varies fastest
 * @param maker makes the data
 */
public record TensorSource(String name, GgmlType type, List<Long> shape, Maker maker) {

  /** Makes a tensor's data. */
  @FunctionalInterface
  public interface Maker {
    /**
     * Returns exactly the tensor's data.
     *
     * @param allocator for what has to be computed; what lies in a file is not copied
     */
    MemorySegment make(SegmentAllocator allocator);
  }

  /**
   * Keeps a copy of the shape.
   *
   * @throws IllegalArgumentException if a row is no whole number of the type's blocks
   */
  public TensorSource {
    shape = List.copyOf(shape);
    if (shape.isEmpty() || shape.getFirst() % type.blockElements() != 0) {
      throw new IllegalArgumentException(name + ": no tensor of " + type + " has shape " + shape);
    }
  }

  /** The tensor of a file, as it is. */
  public static TensorSource of(GgufTensor tensor) {
    return new TensorSource(
        tensor.name(), tensor.type(), tensor.shape(), allocator -> tensor.data());
  }

  /** Returns how many elements the tensor has. */
  public long elements() {
    long elements = 1;
    for (long size : shape) {
      elements = Math.multiplyExact(elements, size);
    }
    return elements;
  }

  /** Returns how many bytes the tensor takes. */
  public long bytes() {
    return type.bytes(elements());
  }

  /**
   * Returns the tensor's data.
   *
   * @param allocator for what has to be computed
   */
  public MemorySegment data(SegmentAllocator allocator) {
    MemorySegment data = maker.make(allocator);
    if (data.byteSize() != bytes()) {
      throw new IllegalStateException(
          name + ": " + data.byteSize() + " bytes were made, not " + bytes());
    }
    return data;
  }
}

package dev.vidrio.formats.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.List;

/**
 * A tensor with data produced on demand, so that rewriting a model needs memory for one tensor
 * only.
 *
 * @param name the name in GGUF files
 * @param type the element type
 * @param shape 1 to 4 sizes, the fastest-varying dimension first
 * @param maker produces the data
 */
public record TensorSource(String name, GgmlType type, List<Long> shape, Maker maker) {

  /** Produces a tensor's data. */
  @FunctionalInterface
  public interface Maker {
    /**
     * Returns exactly the tensor's bytes.
     *
     * @param allocator allocates computed data; a view of a file needs no allocation
     */
    MemorySegment make(SegmentAllocator allocator);
  }

  /**
   * Copies the shape.
   *
   * @throws IllegalArgumentException if a row is not a whole number of the type's blocks
   */
  public TensorSource {
    shape = List.copyOf(shape);
    if (shape.isEmpty() || shape.getFirst() % type.blockElements() != 0) {
      throw new IllegalArgumentException(name + ": shape " + shape + " is not valid for " + type);
    }
  }

  /** Returns a source that passes a file's tensor on unchanged. */
  public static TensorSource of(GgufTensor tensor) {
    return new TensorSource(
        tensor.name(), tensor.type(), tensor.shape(), allocator -> tensor.data());
  }

  /** Returns the number of elements. */
  public long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  /** Returns the number of bytes. */
  public long bytes() {
    return type.bytes(elements());
  }

  /**
   * Returns the tensor's data.
   *
   * @param allocator allocates computed data
   * @throws IllegalStateException if the maker returns another number of bytes
   */
  public MemorySegment data(SegmentAllocator allocator) {
    MemorySegment data = maker.make(allocator);
    if (data.byteSize() != bytes()) {
      throw new IllegalStateException(
          name + ": " + data.byteSize() + " bytes produced, expected " + bytes());
    }
    return data;
  }
}

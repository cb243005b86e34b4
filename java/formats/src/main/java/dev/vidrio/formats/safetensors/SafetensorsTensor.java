package dev.vidrio.formats.safetensors;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One tensor of a safetensors file.
 *
 * @param name the name, such as {@code model.embed_tokens.weight}
 * @param dtype the element type
 * @param shape the dimensions, outermost first; empty for a scalar
 * @param data exactly the tensor's bytes, little-endian and read-only; valid until the file's arena
 *     is closed
 */
public record SafetensorsTensor(String name, Dtype dtype, List<Long> shape, MemorySegment data) {

  /** Copies the shape and makes the data read-only. */
  public SafetensorsTensor {
    shape = List.copyOf(shape);
    data = data.asReadOnly();
  }

  /**
   * Returns element i of an F32, F16 or BF16 tensor.
   *
   * @throws IllegalArgumentException if the tensor has another type
   */
  public float element(long i) {
    return switch (dtype) {
      case F32 -> data.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
      case F16 -> Float.float16ToFloat(data.getAtIndex(JAVA_SHORT_UNALIGNED, i));
      case BF16 -> Float.intBitsToFloat(data.getAtIndex(JAVA_SHORT_UNALIGNED, i) << Short.SIZE);
      default -> throw new IllegalArgumentException(this + " is not F32, F16 or BF16");
    };
  }

  /** Returns name, type and shape, such as {@code lm_head.weight BF16 [49152, 576]}. */
  @Override
  public String toString() {
    return name + " " + dtype + " " + shape;
  }
}

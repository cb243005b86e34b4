package dev.vidrio.formats.safetensors;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One tensor of a safetensors file.
 *
 * @param name its name, such as {@code model.embed_tokens.weight}
 * @param dtype the type of its elements
 * @param shape its dimensions, the outermost first; none for a single number
 * @param data exactly its data, little endian and read-only; closed with the file's arena
 */
public record SafetensorsTensor(String name, Dtype dtype, List<Long> shape, MemorySegment data) {

  /** Keeps a copy of the shape and a read-only view of the data. */
  public SafetensorsTensor {
    shape = List.copyOf(shape);
    data = data.asReadOnly();
  }

  /**
   * Element i of a tensor of F32, F16 or BF16.
   *
   * @throws IllegalArgumentException when it is of another type
   */
  public float element(long i) {
    return switch (dtype) {
      case F32 -> data.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
      case F16 -> Float.float16ToFloat(data.getAtIndex(JAVA_SHORT_UNALIGNED, i));
      case BF16 -> Float.intBitsToFloat(data.getAtIndex(JAVA_SHORT_UNALIGNED, i) << Short.SIZE);
      default -> throw new IllegalArgumentException(this + " is none of F32, F16, BF16");
    };
  }

  /** Says name, type and shape, such as {@code lm_head.weight BF16 [49152, 576]}. */
  @Override
  public String toString() {
    return name + " " + dtype + " " + shape;
  }
}

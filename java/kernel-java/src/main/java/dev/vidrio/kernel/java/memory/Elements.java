package dev.vidrio.kernel.java.memory;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.MemorySegment;

/** Access to elements of off-heap arrays, unaligned, since weights may have any alignment. */
public final class Elements {
  private Elements() {}

  /** Returns float i. */
  public static float get(MemorySegment array, long i) {
    return array.get(JAVA_FLOAT_UNALIGNED, i * Float.BYTES);
  }

  /** Sets float i. */
  public static void set(MemorySegment array, long i, float value) {
    array.set(JAVA_FLOAT_UNALIGNED, i * Float.BYTES, value);
  }

  /** Returns the f16 at a byte offset. */
  public static float half(MemorySegment array, long offset) {
    return Float.float16ToFloat(array.get(JAVA_SHORT_UNALIGNED, offset));
  }

  /** Returns the bf16 at a byte offset. */
  static float bfloat(MemorySegment array, long offset) {
    return Float.intBitsToFloat(array.get(JAVA_SHORT_UNALIGNED, offset) << Short.SIZE);
  }

  /** Sets f16 i, rounded to nearest even. */
  public static void setHalf(MemorySegment array, long i, float value) {
    array.set(JAVA_SHORT_UNALIGNED, i * Short.BYTES, Float.floatToFloat16(value));
  }

  /** Sets bf16 i, rounded to nearest even. */
  public static void setBfloat(MemorySegment array, long i, float value) {
    int bits = Float.floatToRawIntBits(value);
    int rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    short upper = (short) (Float.isNaN(value) ? (bits >> 16) | 0x40 : rounded);
    array.set(JAVA_SHORT_UNALIGNED, i * Short.BYTES, upper);
  }

  /** Returns element i of an array of a floating-point type. */
  public static float get(WeightType type, MemorySegment array, long i) {
    return switch (type) {
      case F32 -> get(array, i);
      case F16 -> half(array, i * Short.BYTES);
      case BF16 -> bfloat(array, i * Short.BYTES);
      default -> throw new IllegalArgumentException(type + " is quantized");
    };
  }

  /**
   * Converts {@code count} f16 from a byte offset on. The compiler vectorizes this loop; the Vector
   * API does not support f16.
   */
  public static void halvesToFloats(MemorySegment x, long offset, float[] y, int count) {
    for (int i = 0; i < count; i++) {
      y[i] = Float.float16ToFloat(x.get(JAVA_SHORT_UNALIGNED, offset + i * (long) Short.BYTES));
    }
  }

  /** Converts {@code count} elements of 16 bits from a byte offset on. */
  public static void toFloats(WeightType type, MemorySegment x, long offset, float[] y, int count) {
    if (type == WeightType.F16) {
      halvesToFloats(x, offset, y, count);
    } else {
      for (int i = 0; i < count; i++) {
        y[i] = bfloat(x, offset + i * (long) Short.BYTES);
      }
    }
  }

  /** Copies floats. */
  public static void copy(MemorySegment x, long from, MemorySegment y, long to, long count) {
    MemorySegment.copy(x, from * Float.BYTES, y, to * Float.BYTES, count * Float.BYTES);
  }

  /** Copies the first {@code count} floats of an array. */
  public static void copy(float[] x, MemorySegment y, long to, int count) {
    MemorySegment.copy(x, 0, y, JAVA_FLOAT_UNALIGNED, to * Float.BYTES, count);
  }
}

package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** Elements of off-heap arrays. Weights lie at any alignment, so nothing here asks for one. */
final class Elements {
  private Elements() {}

  /** Float i. */
  static float get(MemorySegment array, long i) {
    return array.get(JAVA_FLOAT_UNALIGNED, i * Float.BYTES);
  }

  /** Sets float i. */
  static void set(MemorySegment array, long i, float value) {
    array.set(JAVA_FLOAT_UNALIGNED, i * Float.BYTES, value);
  }

  /** The half at a byte offset. */
  static float half(MemorySegment array, long offset) {
    return Float.float16ToFloat(array.get(JAVA_SHORT_UNALIGNED, offset));
  }

  /**
   * Converts {@code count} halves from a byte offset on. The compiler makes vectors of this loop;
   * the Vector API has none of halves.
   */
  static void halvesToFloats(MemorySegment x, long offset, float[] y, int count) {
    for (int i = 0; i < count; i++) {
      y[i] = Float.float16ToFloat(x.get(JAVA_SHORT_UNALIGNED, offset + i * (long) Short.BYTES));
    }
  }

  /** Copies floats. */
  static void copy(MemorySegment x, long from, MemorySegment y, long to, long count) {
    MemorySegment.copy(x, from * Float.BYTES, y, to * Float.BYTES, count * Float.BYTES);
  }

  /** Copies the first {@code count} floats of an array. */
  static void copy(float[] x, MemorySegment y, long to, int count) {
    MemorySegment.copy(x, 0, y, JAVA_FLOAT_UNALIGNED, to * Float.BYTES, count);
  }
}

package dev.vidrio.lens.memory;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.vidrio.kernel.hook.TapType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** Converts between f32 and 16-bit floats. */
public final class HalfFloats {
  private HalfFloats() {}

  /** Returns the f32 values, on the heap. */
  static MemorySegment toFloats(TapType type, MemorySegment halves) {
    var floats = new float[Math.toIntExact(halves.byteSize() / Short.BYTES)];
    for (int i = 0; i < floats.length; i++) {
      short bits = halves.getAtIndex(JAVA_SHORT, i);
      floats[i] =
          type == TapType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
    }
    return MemorySegment.ofArray(floats);
  }

  /** Rounds f32 values to the nearest 16-bit values. */
  public static MemorySegment ofFloats(
      TapType type, MemorySegment floats, SegmentAllocator allocator) {
    long n = floats.byteSize() / Float.BYTES;
    MemorySegment halves = allocator.allocate(JAVA_SHORT, n);
    for (long i = 0; i < n; i++) {
      float value = floats.getAtIndex(JAVA_FLOAT, i);
      halves.setAtIndex(
          JAVA_SHORT, i, type == TapType.F16 ? Float.floatToFloat16(value) : bfloat16(value));
    }
    return halves;
  }

  /** Returns the upper half, rounded to nearest even; NaN remains NaN. */
  private static short bfloat16(float value) {
    int bits = Float.floatToIntBits(value);
    int rounding = Float.isNaN(value) ? 0 : 0x7fff + ((bits >>> 16) & 1);
    return (short) ((bits + rounding) >>> 16);
  }
}

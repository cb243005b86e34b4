package dev.vidrio.lens.plan;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.vidrio.kernel.hook.TapType;
import java.lang.foreign.MemorySegment;

/** Elements of two bytes as floats. */
final class Halves {
  private Halves() {}

  /** The values, on the heap. */
  static MemorySegment toFloats(TapType type, MemorySegment halves) {
    var floats = new float[Math.toIntExact(halves.byteSize() / Short.BYTES)];
    for (int i = 0; i < floats.length; i++) {
      short bits = halves.getAtIndex(JAVA_SHORT, i);
      floats[i] =
          type == TapType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
    }
    return MemorySegment.ofArray(floats);
  }
}

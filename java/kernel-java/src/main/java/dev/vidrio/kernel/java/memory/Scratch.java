package dev.vidrio.kernel.java.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Off-heap floats of one worker, which grow to the largest request and then stay. */
public final class Scratch {
  private MemorySegment memory = MemorySegment.NULL;

  /** At least {@code count} floats; what they hold is lost when they must grow. */
  public MemorySegment floats(long count) {
    if (memory.byteSize() < count * Float.BYTES) {
      memory = Arena.ofAuto().allocate(count * Float.BYTES, 64);
    }
    return memory;
  }
}

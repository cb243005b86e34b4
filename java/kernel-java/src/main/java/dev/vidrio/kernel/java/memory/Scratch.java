package dev.vidrio.kernel.java.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Off-heap scratch memory of one worker, which grows to the largest request. */
public final class Scratch {
  private MemorySegment memory = MemorySegment.NULL;

  /** Returns at least {@code count} floats, with arbitrary contents. */
  public MemorySegment floats(long count) {
    if (memory.byteSize() < count * Float.BYTES) {
      memory = Arena.ofAuto().allocate(count * Float.BYTES, 64);
    }
    return memory;
  }
}

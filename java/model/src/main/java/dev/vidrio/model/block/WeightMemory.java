package dev.vidrio.model.block;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.Placement;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory for weights that do not stay in the mapped file, cut from pieces large enough for huge
 * pages. It is interleaved over the NUMA nodes of the workers, except for matrices that are divided
 * among them.
 */
final class WeightMemory {
  private static final long PIECE = 64L << 20;
  private static final long ALIGNMENT = 64;

  private final Executor executor;
  private final Arena arena;
  private final long expected;
  private MemorySegment rest = MemorySegment.NULL;
  private long used;

  /**
   * Starts without memory.
   *
   * @param expected approximate number of bytes in all, so that the last piece is not larger
   */
  WeightMemory(Executor executor, Arena arena, long expected) {
    this.executor = executor;
    this.arena = arena;
    this.expected = expected;
  }

  /** Returns zeroed memory for a packed matrix whose outputs are divided among nodes. */
  MemorySegment allocateSlices(long bytes) {
    MemorySegment memory = allocate(bytes);
    executor.place(memory, Placement.SLICES);
    return memory;
  }

  /** Returns zeroed memory, aligned to 64 bytes. */
  MemorySegment allocate(long bytes) {
    long padded = Math.multiplyExact(Math.ceilDiv(bytes, ALIGNMENT), ALIGNMENT);
    if (padded > rest.byteSize()) {
      long piece = Math.max(padded, Math.min(PIECE, expected - used));
      MemorySegment fresh = executor.allocate(piece, arena);
      executor.place(fresh, Placement.INTERLEAVED);
      if (piece - padded < rest.byteSize()) { // the old rest is worth more
        used += padded;
        return fresh.asSlice(0, bytes);
      }
      rest = fresh;
    }
    MemorySegment result = rest.asSlice(0, bytes);
    rest = rest.asSlice(padded);
    used += padded;
    return result;
  }
}

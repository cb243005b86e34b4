package dev.vidrio.model.block;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.Placement;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory for weights that do not stay in the mapped file, cut from pieces large enough for huge
 * pages. Writing to a piece may give it a huge page of one NUMA node, so memory of different
 * placement is in different pieces.
 */
final class WeightMemory {
  private static final long PIECE = 64L << 20;
  private static final long ALIGNMENT = 64;

  private final Executor executor;
  private final Arena arena;
  private final Placement placement;
  private final long expected;
  private MemorySegment rest = MemorySegment.NULL;
  private long used;

  /**
   * Starts without memory.
   *
   * @param placement of the whole memory if interleaved, else of each allocation
   * @param expected approximate number of bytes in all, so that the last piece is not larger
   */
  WeightMemory(Executor executor, Arena arena, Placement placement, long expected) {
    this.executor = executor;
    this.arena = arena;
    this.placement = placement;
    this.expected = expected;
  }

  /** Returns zeroed memory, aligned to 64 bytes. */
  MemorySegment allocate(long bytes) {
    MemorySegment memory = cut(bytes);
    if (placement == Placement.SLICES) {
      executor.place(memory, placement);
    }
    return memory;
  }

  private MemorySegment cut(long bytes) {
    long padded = Math.multiplyExact(Math.ceilDiv(bytes, ALIGNMENT), ALIGNMENT);
    if (padded > rest.byteSize()) {
      long piece = Math.max(padded, Math.min(PIECE, expected - used));
      MemorySegment fresh = executor.allocate(piece, arena);
      if (placement == Placement.INTERLEAVED) {
        executor.place(fresh, placement);
      }
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

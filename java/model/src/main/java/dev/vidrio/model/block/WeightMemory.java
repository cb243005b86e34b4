package dev.vidrio.model.block;

import dev.vidrio.kernel.Executor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory for the weights that do not stay in the mapped file. Most matrices of a small model are
 * smaller than a huge page; cut from large pieces, they lie in huge pages all the same.
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
   * Allocates nothing yet.
   *
   * @param expected about how many bytes will be asked for, so that the last piece is not larger
   */
  WeightMemory(Executor executor, Arena arena, long expected) {
    this.executor = executor;
    this.arena = arena;
    this.expected = expected;
  }

  /** Zeroed memory, 64-byte aligned. */
  MemorySegment allocate(long bytes) {
    long padded = Math.multiplyExact(Math.ceilDiv(bytes, ALIGNMENT), ALIGNMENT);
    if (padded > rest.byteSize()) {
      long piece = Math.max(padded, Math.min(PIECE, expected - used));
      MemorySegment fresh = executor.allocate(piece, arena);
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

package dev.vidrio.kernel.ffm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/**
 * Large pieces of memory that arenas have let go, kept for others of about their size: a page costs
 * more to get than to fill. May be shared by threads.
 */
final class MemoryPool {
  /** Bytes of the least piece that is kept; smaller ones come from the system. */
  private static final long LEAST = 1L << 20;

  /** One part in {@value} of what is wanted, at most, may go unused at the end of a piece. */
  private static final int WASTE = 4;

  private final long most;
  private final Deque<MemorySegment> free = new ArrayDeque<>();
  private long bytes;
  private boolean closed;

  /**
   * @param most bytes that it keeps, at most
   */
  MemoryPool(long most) {
    this.most = most;
  }

  /** Memory with anything in it, which comes back when the arena closes. */
  @SuppressWarnings("restricted") // the size is what vd_alloc was asked for, or less
  MemorySegment allocate(long size, Arena arena) {
    if (size < LEAST) {
      return NativeMemory.allocate(size, arena);
    }
    @Nullable MemorySegment kept = take(size);
    MemorySegment piece = kept == null ? NativeMemory.allocate(size) : kept;
    return piece.reinterpret(arena, ignored -> release(piece)).asSlice(0, size);
  }

  private synchronized @Nullable MemorySegment take(long size) {
    for (Iterator<MemorySegment> pieces = free.iterator(); pieces.hasNext(); ) {
      MemorySegment piece = pieces.next();
      if (piece.byteSize() >= size && piece.byteSize() - size <= size / WASTE) {
        pieces.remove();
        bytes -= piece.byteSize();
        return piece;
      }
    }
    return null;
  }

  /** Keeps a piece; the ones that came first make room for it. */
  private synchronized void release(MemorySegment piece) {
    if (closed || piece.byteSize() > most) {
      NativeMemory.free(piece);
      return;
    }
    free.addFirst(piece);
    bytes += piece.byteSize();
    while (bytes > most) {
      drop(free.removeLast());
    }
  }

  private void drop(MemorySegment piece) {
    bytes -= piece.byteSize();
    NativeMemory.free(piece);
  }

  /** Frees all of it, from now on also what comes back. */
  synchronized void close() {
    closed = true;
    while (!free.isEmpty()) {
      drop(free.removeLast());
    }
  }
}

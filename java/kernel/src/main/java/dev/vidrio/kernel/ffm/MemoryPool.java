package dev.vidrio.kernel.ffm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/**
 * Caches large pieces of memory that arenas have released, for later requests of similar size,
 * since obtaining a page costs more than filling it. Thread-safe.
 */
final class MemoryPool {
  /** The size from which on pieces are cached; smaller ones are returned to the system. */
  private static final long MIN_BYTES = 1L << 20;

  /** A piece may exceed the requested size by one part in {@value}. */
  private static final int WASTE = 4;

  private final long maxBytes;
  private final Deque<MemorySegment> free = new ArrayDeque<>();
  private long bytes;
  private boolean closed;

  /**
   * @param maxBytes maximum number of cached bytes
   */
  MemoryPool(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Returns memory with arbitrary contents, which is released when the arena closes. */
  @SuppressWarnings("restricted") // the size is at most that passed to vd_alloc
  MemorySegment allocate(long size, Arena arena) {
    if (size < MIN_BYTES) {
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

  /** Caches a piece, and frees the oldest ones if the cache exceeds its size. */
  private synchronized void release(MemorySegment piece) {
    if (closed || piece.byteSize() > maxBytes) {
      NativeMemory.free(piece);
      return;
    }
    free.addFirst(piece);
    bytes += piece.byteSize();
    while (bytes > maxBytes) {
      drop(free.removeLast());
    }
  }

  private void drop(MemorySegment piece) {
    bytes -= piece.byteSize();
    NativeMemory.free(piece);
  }

  /** Frees all cached pieces, and from now on those that are released. */
  synchronized void close() {
    closed = true;
    while (!free.isEmpty()) {
      drop(free.removeLast());
    }
  }
}

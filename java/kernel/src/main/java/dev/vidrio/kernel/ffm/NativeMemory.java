package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.vidrio.bindings.Vidrio;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Zeroed memory from vd_alloc, which uses huge pages for large sizes. */
final class NativeMemory {
  private NativeMemory() {}

  /** Allocates memory for the lifetime of an arena. */
  @SuppressWarnings("restricted") // only attaches the arena
  static MemorySegment allocate(long bytes, Arena arena) {
    return allocate(bytes).reinterpret(arena, NativeMemory::free);
  }

  /** Allocates memory that lives until {@link #free}. */
  @SuppressWarnings("restricted") // the size is that passed to vd_alloc
  static MemorySegment allocate(long bytes) {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment result = local.allocate(ADDRESS);
      Status.check(Vidrio.vd_alloc(bytes, result), bytes + " bytes");
      return result.get(ADDRESS, 0).reinterpret(bytes);
    }
  }

  /** Frees memory that is not attached to an arena. */
  static void free(MemorySegment memory) {
    Vidrio.vd_free(memory, memory.byteSize());
  }
}

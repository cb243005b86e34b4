package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.vidrio.bindings.Vidrio;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Zeroed memory from vd_alloc, in huge pages where it is large. */
final class NativeMemory {
  private NativeMemory() {}

  /** Memory that is tied to the life of an arena. */
  @SuppressWarnings("restricted") // only ties it
  static MemorySegment allocate(long bytes, Arena arena) {
    return allocate(bytes).reinterpret(arena, NativeMemory::free);
  }

  /** Memory that lives until {@link #free}. */
  @SuppressWarnings("restricted") // the size is what vd_alloc was asked for
  static MemorySegment allocate(long bytes) {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment result = local.allocate(ADDRESS);
      Status.check(Vidrio.vd_alloc(bytes, result), bytes + " bytes");
      return result.get(ADDRESS, 0).reinterpret(bytes);
    }
  }

  /** Frees memory of the second kind. */
  static void free(MemorySegment memory) {
    Vidrio.vd_free(memory, memory.byteSize());
  }
}

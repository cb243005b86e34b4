package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.vidrio.bindings.Vidrio;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory from vd_alloc, in huge pages where it is large, tied to the life of an arena. */
final class NativeMemory {
  private NativeMemory() {}

  @SuppressWarnings("restricted") // the size is what vd_alloc was asked for
  static MemorySegment allocate(long bytes, Arena arena) {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment result = local.allocate(ADDRESS);
      Status.check(Vidrio.vd_alloc(bytes, result), bytes + " bytes");
      return result
          .get(ADDRESS, 0)
          .reinterpret(bytes, arena, memory -> Vidrio.vd_free(memory, bytes));
    }
  }
}

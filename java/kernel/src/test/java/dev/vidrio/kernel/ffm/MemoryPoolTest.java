package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class MemoryPoolTest {
  private static final long MIB = 1 << 20;

  @BeforeAll
  static void load() {
    NativeLibrary.load();
  }

  /** Fills a piece, releases it, and returns its address. */
  private static long filled(MemoryPool pool, long bytes) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment piece = pool.allocate(bytes, arena).fill((byte) 7);
      assertEquals(bytes, piece.byteSize());
      return piece.address();
    }
  }

  @Test
  void reusesReleasedPieceOfSimilarSize() {
    var pool = new MemoryPool(8 * MIB);
    long first = filled(pool, 4 * MIB);
    assertEquals(first, filled(pool, 4 * MIB - 100), "slightly smaller");
    assertNotEquals(first, filled(pool, 2 * MIB), "too much waste");
    assertNotEquals(first, filled(pool, 5 * MIB), "larger than the piece");
    pool.close();
  }

  @Test
  void pieceHasOneOwner() {
    var pool = new MemoryPool(8 * MIB);
    long first = filled(pool, 2 * MIB);
    try (Arena arena = Arena.ofShared()) {
      assertEquals(first, pool.allocate(2 * MIB, arena).address());
      assertNotEquals(first, pool.allocate(2 * MIB, arena).address());
    }
    pool.close();
  }

  @Test
  void segmentOfClosedArena_isNotAccessible() {
    var pool = new MemoryPool(8 * MIB);
    Arena arena = Arena.ofShared();
    MemorySegment piece = pool.allocate(2 * MIB, arena);
    arena.close();
    assertThrows(IllegalStateException.class, () -> piece.get(JAVA_BYTE, 0));
    pool.close();
  }

  @Test
  void arenaMayCloseAfterPool() {
    var pool = new MemoryPool(8 * MIB);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment piece = pool.allocate(2 * MIB, arena);
      pool.close();
      piece.fill((byte) 7);
    }
  }

  @Test
  void executorAllocatesZeroedMemory() {
    try (NativeExecutor executor = NativeExecutor.create()) {
      try (Arena arena = Arena.ofShared()) {
        executor.allocateUncleared(3 * MIB, arena).fill((byte) 7);
      }
      try (Arena arena = Arena.ofShared()) {
        MemorySegment cleared = executor.allocate(3 * MIB, arena);
        for (long i = 0; i < cleared.byteSize(); i++) {
          assertEquals(0, cleared.get(JAVA_BYTE, i));
        }
      }
    }
  }
}

package dev.vidrio.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KvCacheTest {
  private static final KvShape SHAPE = new KvShape(3, 2, 8);

  @Test
  void givesEachBlockOnce() {
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), SHAPE, 5, arena);
      Set<Integer> taken = new HashSet<>();
      for (int i = 0; i < 5; i++) {
        taken.add(cache.acquire());
      }
      assertEquals(Set.of(0, 1, 2, 3, 4), taken);
      assertEquals(0, cache.freeBlocks());
      assertThrows(IllegalStateException.class, cache::acquire);
      cache.release(3);
      assertEquals(3, cache.acquire());
      assertThrows(IllegalArgumentException.class, () -> cache.release(5));
    }
  }

  @Test
  void layersDoNotOverlap() {
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), SHAPE, 4, arena);
      List<MemorySegment> parts = new ArrayList<>();
      for (int layer = 0; layer < SHAPE.layers(); layer++) {
        parts.add(cache.keys(layer));
        parts.add(cache.values(layer));
      }
      for (int i = 0; i < parts.size(); i++) {
        assertEquals(4L * KvCache.BLOCK * SHAPE.width() * Float.BYTES, parts.get(i).byteSize());
        for (int j = 0; j < i; j++) {
          assertEquals(true, parts.get(i).asOverlappingSlice(parts.get(j)).isEmpty());
        }
      }
    }
  }

  @Test
  void sizesThatOverflowAreRefused() {
    var huge = new KvShape(1 << 20, 1 << 15, 1 << 15);
    assertThrows(
        ArithmeticException.class, () -> KvCache.bytes(huge, KvType.F32, Integer.MAX_VALUE));
  }
}

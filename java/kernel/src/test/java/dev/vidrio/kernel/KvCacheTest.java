package dev.vidrio.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
  void preparesWhatNobodyHasUsedYet() {
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), SHAPE, 4, arena);
      cache.acquire();
      cache.release(cache.acquire());
      cache.keys(0).asSlice(0, cache.keys(1).address() - cache.keys(0).address()).fill((byte) 1);
      assertTrue(cache.prepare());
      assertTrue(cache.prepare());
      assertFalse(cache.prepare());
      assertEquals((byte) 1, cache.keys(0).get(ValueLayout.JAVA_BYTE, 0));
      assertEquals(3, cache.freeBlocks());
      assertEquals(1, cache.acquire());
    }
  }

  @Test
  void aBlockLiesTogetherAndItsLayersDoNotOverlap() {
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), SHAPE, 4, arena);
      long bytes = (long) KvCache.BLOCK * SHAPE.width() * Float.BYTES;
      long stride = cache.pages() * bytes / SHAPE.heads();
      assertEquals(KvCache.bytes(SHAPE, KvType.F32, 4), 4 * stride);
      long next = cache.keys(0).address();
      for (int block = 0; block < 4; block++) {
        for (int layer = 0; layer < SHAPE.layers(); layer++) {
          for (MemorySegment half : List.of(cache.keys(layer), cache.values(layer))) {
            assertEquals(next, half.asSlice(block * stride, bytes).address());
            next += bytes;
          }
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

  @Test
  void aBlockIsFreeWhenItsLastOwnerLetsItGo() {
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), SHAPE, 2, arena);
      int block = cache.acquire();
      cache.retain(block);
      assertTrue(cache.isShared(block));
      cache.release(block);
      assertFalse(cache.isShared(block));
      assertEquals(1, cache.freeBlocks());
      cache.release(block);
      assertEquals(2, cache.freeBlocks());
      assertThrows(IllegalArgumentException.class, () -> cache.release(block));
      assertThrows(IllegalArgumentException.class, () -> cache.retain(block));
    }
  }

  @Test
  void aCopyHasTheKeysAndValuesOfAllLayers() {
    for (KvType type : List.of(KvType.F32, KvType.BF16)) {
      try (Arena arena = Arena.ofConfined()) {
        var cache = new KvCache(new HeapExecutor(), SHAPE, type, 3, arena);
        cache.acquire();
        int from = cache.acquire();
        int to = cache.acquire();
        long bytes = (long) KvCache.BLOCK * SHAPE.heads() * type.bytes(SHAPE.dH());
        long stride = cache.pages() * bytes / SHAPE.heads();
        for (int layer = 0; layer < SHAPE.layers(); layer++) {
          cache.keys(layer).asSlice(from * stride, bytes).fill((byte) (1 + layer));
          cache.values(layer).asSlice(from * stride, bytes).fill((byte) (-1 - layer));
        }
        cache.copy(from, to);
        for (int layer = 0; layer < SHAPE.layers(); layer++) {
          for (MemorySegment half : List.of(cache.keys(layer), cache.values(layer))) {
            assertEquals(
                -1, half.asSlice(from * stride, bytes).mismatch(half.asSlice(to * stride, bytes)));
            assertEquals(0, half.get(ValueLayout.JAVA_BYTE, 0));
          }
        }
      }
    }
  }
}

package dev.vidrio.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.op.SequenceOp.Part;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KvCacheTest {
  private static final KvShape SHAPE = new KvShape(3, 2, 8);

  @Test
  void acquiresEachBlockOnce() {
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
  void prefaultsUnusedBlocks() {
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), SHAPE, 4, arena);
      cache.acquire();
      cache.release(cache.acquire());
      cache.keys(0).asSlice(0, cache.keys(1).address() - cache.keys(0).address()).fill((byte) 1);
      assertTrue(cache.prefault());
      assertTrue(cache.prefault());
      assertFalse(cache.prefault());
      assertEquals((byte) 1, cache.keys(0).get(ValueLayout.JAVA_BYTE, 0));
      assertEquals(3, cache.freeBlocks());
      assertEquals(1, cache.acquire());
    }
  }

  @Test
  void prefaultsUnusedSlots() {
    var states = new KvShape.Recurrent(1, 2, 4, 4, 2);
    var shape = new KvShape(List.of(states, new KvShape.KeyValue(1, 8)));
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), shape, KvType.F32, 2, 3, arena);
      assertEquals(
          KvCache.bytes(shape, KvType.F32, 2) + 3 * states.bytesPerSequence(), cache.bytes());
      cache.acquireSlot();
      cache.releaseSlot(cache.acquireSlot());
      MemorySegment used = cache.states(0).asSlice(0, 2 * cache.slotStride()).fill((byte) 1);
      cache.acquire();
      assertTrue(cache.prefault());
      assertTrue(cache.prefault());
      assertFalse(cache.prefault());
      assertEquals((byte) 1, used.get(ValueLayout.JAVA_BYTE, used.byteSize() - 1));
      assertEquals(2, cache.freeSlots());
    }
  }

  @Test
  void storesBlocksContiguouslyWithoutOverlap() {
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), SHAPE, 4, arena);
      long bytes = (long) KvCache.BLOCK * SHAPE.keyValue(0).width() * Float.BYTES;
      long stride = cache.stride(0);
      assertEquals(KvCache.bytes(SHAPE, KvType.F32, 4), 4 * stride);
      long next = cache.keys(0).address();
      for (int block = 0; block < 4; block++) {
        for (int layer = 0; layer < SHAPE.layers().size(); layer++) {
          for (MemorySegment half : List.of(cache.keys(layer), cache.values(layer))) {
            assertEquals(next, half.asSlice(block * stride, bytes).address());
            next += bytes;
          }
        }
      }
    }
  }

  @Test
  void storesDifferentLayersWithoutOverlap() {
    var shape =
        new KvShape(
            List.of(
                new KvShape.KeyValue(2, 8),
                new KvShape.KeyValue(1, 12, 8),
                new KvShape.KeyValue(1, 12, 8, true),
                new KvShape.Rows(5),
                new KvShape.KeyValue(2, 8),
                new KvShape.Rows(5),
                new KvShape.KeyValue(4, 4)));
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), shape, 3, arena);
      assertEquals(
          KvCache.bytes(shape, KvType.F32, 3),
          3 * 64 * 4 * (2 * (16 + 16 + 16) + 12 + 8 + 12 + 5 + 5));
      byte[] number = {0};
      forEachPart(cache, shape, part -> part.fill(++number[0]));
      byte[] expected = {0};
      forEachPart(cache, shape, part -> assertFilled(part, ++expected[0]));
    }
  }

  /** Passes the keys, values or rows of each layer in each block to the action. */
  private static void forEachPart(KvCache cache, KvShape shape, Consumer<MemorySegment> action) {
    for (int layer = 0; layer < shape.layers().size(); layer++) {
      if (shape.layers().get(layer) instanceof KvShape.Rows conv) {
        long bytes = (long) KvCache.BLOCK * conv.width() * Float.BYTES;
        for (int block = 0; block < cache.blocks(); block++) {
          action.accept(cache.rows(layer).asSlice(block * cache.stride(layer), bytes));
        }
        continue;
      }
      long bytes = (long) KvCache.BLOCK * shape.keyValue(layer).width() * Float.BYTES;
      long valueBytes = (long) KvCache.BLOCK * shape.keyValue(layer).valueWidth() * Float.BYTES;
      long stride = cache.stride(layer);
      for (int block = 0; block < cache.blocks(); block++) {
        action.accept(cache.keys(layer).asSlice(block * stride, bytes));
        if (!shape.keyValue(layer).shared()) {
          action.accept(cache.values(layer).asSlice(block * stride, valueBytes));
        }
      }
    }
  }

  @Test
  void storesConvolutionRowsAsFloatsForEveryKvType() {
    var shape = new KvShape(List.of(new KvShape.KeyValue(2, 32), new KvShape.Rows(7)));
    assertEquals(2 * 2 * 34 + 4 * 7, shape.bytesPerPosition(KvType.Q8_0));
    // Keys have a 64th of one in Q8_0, rounded up.
    assertEquals(2 * (18 + 1 + 18) + 4 * 7, shape.bytesPerPosition(KvType.Q4_0));
    assertTrue(shape.fits(KvType.Q8_0));
    assertTrue(shape.hasKeys(0));
    assertFalse(shape.hasKeys(1));
    assertFalse(shape.hasKeys(2));
    assertThrows(IllegalArgumentException.class, () -> shape.keyValue(1));
    assertThrows(IllegalArgumentException.class, () -> new KvShape.Rows(0));
  }

  /** Executors reject allocations of 0 bytes, so the cache must not request them. */
  @Test
  void recurrentLayers_useNoBlockMemory() {
    try (Arena arena = Arena.ofConfined()) {
      var shape = new KvShape(2, new KvShape.Recurrent(1, 2, 3, 4, 2));
      var cache = new KvCache(new HeapExecutor(), shape, KvType.F16, 3, 2, arena);
      assertEquals(0, KvCache.bytes(shape, KvType.F16, 3));
      assertEquals(2 * shape.bytesPerSequence(), cache.states(0).byteSize());
      assertTrue(cache.prefault());
      cache.copy(cache.acquire(), cache.acquire());
    }
  }

  @Test
  void slotsHoldStatesAndRowsOfAllLayers() {
    var states = new KvShape.Recurrent(2, 4, 3, 5, 4);
    var shape = new KvShape(List.of(states, new KvShape.KeyValue(1, 4), states));
    assertTrue(shape.hasStates());
    assertEquals(2 * 4 * 4, shape.bytesPerPosition(KvType.F32));
    assertEquals(0, shape.bytesPerSequence() % 64);
    long head = 3 * 5 + 16 * (3 + 5 + 2);
    assertEquals(head, states.headFloats());
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), shape, KvType.F32, 1, 2, arena);
      int from = cache.acquireSlot();
      int to = cache.acquireSlot();
      byte[] number = {0};
      forEachSlotPart(cache, from, part -> part.fill(++number[0]));
      forEachSlotPart(cache, to, part -> part.fill((byte) -1));
      byte[] expected = {0};
      forEachSlotPart(cache, from, part -> assertFilled(part, ++expected[0]));
      cache.copySlot(from, to);
      expected[0] = 0;
      forEachSlotPart(cache, to, part -> assertFilled(part, ++expected[0]));
    }
  }

  /** Passes the states and the rows of the three convolutions of each layer to the action. */
  private static void forEachSlotPart(KvCache cache, int slot, Consumer<MemorySegment> action) {
    for (int layer : List.of(0, 2)) {
      KvShape.Recurrent states = cache.shape().recurrent(layer);
      long at = slot * cache.slotStride();
      long bytes = states.heads() * states.headFloats() * Float.BYTES;
      action.accept(cache.states(layer).asSlice(at, bytes));
      for (Part part : Part.values()) {
        long rows = (16 + 4 - 1L) * states.width(part) * Float.BYTES;
        action.accept(cache.rows(layer, part).asSlice(at, rows));
      }
    }
  }

  @Test
  void diagonalStatesAndConvolutionRowsAreRings() {
    var states = new KvShape.Diagonal(7, 4);
    var shape = new KvShape(List.of(new KvShape.Diagonal(7, 1), states));
    assertEquals(16 + 1, new KvShape.Diagonal(7, 1).ring());
    assertEquals(16 + 3, states.ring());
    assertEquals(0, shape.bytesPerPosition(KvType.F32));
    long bytes = states.ring() * 7L * Float.BYTES;
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), shape, KvType.F32, 1, 2, arena);
      int from = cache.acquireSlot();
      int to = cache.acquireSlot();
      long stride = cache.slotStride();
      cache.states(1).asSlice(from * stride, bytes).fill((byte) 1);
      cache.rows(1, Part.VALUE).asSlice(from * stride, bytes).fill((byte) 2);
      cache.copySlot(from, to);
      assertFilled(cache.states(1).asSlice(to * stride, bytes), (byte) 1);
      assertFilled(cache.rows(1, Part.VALUE).asSlice(to * stride, bytes), (byte) 2);
      assertThrows(IllegalArgumentException.class, () -> cache.shape().recurrent(1));
    }
    assertThrows(IllegalArgumentException.class, () -> new KvShape.Diagonal(0, 4));
    assertThrows(IllegalArgumentException.class, () -> new KvShape.Diagonal(7, 0));
    assertThrows(IllegalArgumentException.class, () -> SHAPE.slotted(0));
  }

  @Test
  void convolutionRowsAreARing() {
    var rows = new KvShape.Ring(7, 3);
    var shape = new KvShape(List.of(new KvShape.KeyValue(1, 8), rows, rows));
    assertEquals(16 + 2, rows.ring());
    assertEquals(2 * 8 * Float.BYTES, shape.bytesPerPosition(KvType.F32));
    long bytes = 18 * 7L * Float.BYTES;
    assertEquals(Math.ceilDiv(bytes, 64) * 64 * 2, shape.bytesPerSequence());
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), shape, KvType.F32, 1, 2, arena);
      int from = cache.acquireSlot();
      int to = cache.acquireSlot();
      long stride = cache.slotStride();
      for (int layer = 1; layer <= 2; layer++) {
        cache.rows(layer, Part.VALUE).asSlice(from * stride, bytes).fill((byte) layer);
      }
      cache.copySlot(from, to);
      for (int layer = 1; layer <= 2; layer++) {
        assertFilled(cache.rows(layer, Part.VALUE).asSlice(to * stride, bytes), (byte) layer);
      }
    }
    assertThrows(IllegalArgumentException.class, () -> new KvShape.Ring(0, 3));
    assertThrows(IllegalArgumentException.class, () -> new KvShape.Ring(7, 0));
  }

  private static void assertFilled(MemorySegment part, byte value) {
    for (long i = 0; i < part.byteSize(); i++) {
      assertEquals(value, part.get(ValueLayout.JAVA_BYTE, i));
    }
  }

  @Test
  void freesSlotWhenLastOwnerReleasesIt() {
    var shape = new KvShape(List.of(new KvShape.Recurrent(1, 1, 2, 2, 2)));
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), shape, KvType.F32, 1, 2, arena);
      int slot = cache.acquireSlot();
      cache.retainSlot(slot);
      assertTrue(cache.isSharedSlot(slot));
      cache.releaseSlot(slot);
      assertEquals(1, cache.freeSlots());
      cache.acquireSlot();
      assertThrows(IllegalStateException.class, cache::acquireSlot);
      cache.releaseSlot(slot);
      assertThrows(IllegalArgumentException.class, () -> cache.releaseSlot(slot));
      assertThrows(IllegalArgumentException.class, () -> cache.copySlot(slot, 1));
    }
    assertFalse(SHAPE.hasStates());
    assertThrows(IllegalArgumentException.class, () -> SHAPE.recurrent(0));
    assertThrows(IllegalArgumentException.class, () -> new KvShape.Recurrent(2, 3, 2, 2, 2));
    assertThrows(IllegalArgumentException.class, () -> new KvShape.Recurrent(1, 1, 1025, 2, 2));
  }

  @Test
  void rejectsSizesThatOverflow() {
    var huge = new KvShape(1 << 20, 1 << 20, KvShape.HEAD_MAX);
    assertThrows(
        ArithmeticException.class, () -> KvCache.bytes(huge, KvType.F32, Integer.MAX_VALUE));
  }

  @Test
  void freesBlockWhenLastOwnerReleasesIt() {
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
  void copiesKeysAndValuesOfAllLayers() {
    var shape = new KvShape(List.of(new KvShape.KeyValue(2, 8), new KvShape.KeyValue(1, 24)));
    for (KvType type : List.of(KvType.F32, KvType.BF16)) {
      try (Arena arena = Arena.ofConfined()) {
        var cache = new KvCache(new HeapExecutor(), shape, type, 3, 0, arena);
        cache.acquire();
        int from = cache.acquire();
        int to = cache.acquire();
        for (int layer = 0; layer < 2; layer++) {
          block(cache, cache.keys(layer), layer, from).fill((byte) (1 + layer));
          block(cache, cache.values(layer), layer, from).fill((byte) (-1 - layer));
        }
        cache.copy(from, to);
        for (int layer = 0; layer < 2; layer++) {
          for (MemorySegment half : List.of(cache.keys(layer), cache.values(layer))) {
            MemorySegment copied = block(cache, half, layer, to);
            assertEquals(-1, block(cache, half, layer, from).mismatch(copied));
            assertEquals(0, half.get(ValueLayout.JAVA_BYTE, 0));
          }
        }
      }
    }
  }

  @Test
  void valuesThatAreElementsOfKeysTakeNoMemory() {
    var layer = new KvShape.KeyValue(1, 576, 512, true);
    assertEquals(2 * 576, layer.bytesPerPosition(KvType.F16));
    assertTrue(layer.fits(KvType.Q4_0));
    assertFalse(new KvShape.KeyValue(1, 64, 8, true).fits(KvType.Q8_0));
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(new HeapExecutor(), new KvShape(List.of(layer)), 2, arena);
      assertEquals(cache.keys(0), cache.values(0));
      assertEquals(2 * 64 * 4 * 576, cache.bytes());
    }
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new KvShape.KeyValue(1, 512, 576, true));
    assertEquals("values of 576 elements of keys: keys have only 512", e.getMessage());
  }

  /** Compares with the positions of every byte, by the layout in vidrio.h. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void copiesFirstPositionsOfBlocks(boolean shared) {
    int heads = 2;
    int dH = 32;
    int dV = shared ? 32 : 64;
    var layer = new KvShape.KeyValue(heads, dH, dV, shared);
    var shape = new KvShape(List.of(layer, new KvShape.Rows(3), layer));
    for (KvType type : List.of(KvType.F32, KvType.F16, KvType.Q8_0, KvType.Q4_0)) {
      try (Arena arena = Arena.ofConfined()) {
        var cache = new KvCache(new HeapExecutor(), shape, type, 2, 0, arena);
        int block = cache.acquire();
        cache.block(block).forEach(part -> part.fill((byte) -1));
        assertEquals(
            cache.blockBytes(),
            cache.block(block).stream().mapToLong(MemorySegment::byteSize).sum());
        List<Integer> positions = new ArrayList<>();
        for (int l = 0; l < 2; l++) {
          for (int head = 0; head < heads; head++) {
            positions.addAll(positionsOfKeys(type, dH));
          }
          for (int head = 0; head < heads && !shared; head++) {
            positions.addAll(positionsOfRows(codeBytes(type, dV)));
            positions.addAll(positionsOfRows(type.isScaled() ? dV / 32 * 2 : 0));
          }
        }
        List<MemorySegment> copies = cache.copyOf(block, 48, arena);
        assertFirst(positions, copies.get(0));
        assertFirst(positionsOfRows(3 * Float.BYTES), copies.get(1));
        assertEquals(2, copies.size());
      }
    }
  }

  /** Heads are divided among nodes if there are as many, or a multiple of them. */
  @Test
  void groupsOfHeadsAreCommonDivisors() {
    assertEquals(4, new KvShape.KeyValue(8, 4).groups(4));
    assertEquals(2, new KvShape.KeyValue(2, 4).groups(8));
    assertEquals(2, new KvShape.KeyValue(6, 4).groups(4));
    assertEquals(1, new KvShape.KeyValue(3, 4).groups(2));
    assertEquals(1, new KvShape.KeyValue(8, 4).groups(1));
  }

  /** Two of four nodes hold each group: all blocks of half of the heads. */
  @Test
  void placesGroupsOfHeads() {
    var shape = new KvShape(List.of(new KvShape.KeyValue(2, 8), new KvShape.Rows(3)));
    var executor = new HeapExecutor(4);
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(executor, shape, KvType.F32, 5, 0, arena);
      long bytes = 5L * KvCache.BLOCK * 2 * 8 * Float.BYTES;
      assertEquals(
          List.of(0, 1, 0), executor.placed().stream().map(HeapExecutor.Placed::group).toList());
      assertEquals(
          List.of(2, 2, 1), executor.placed().stream().map(HeapExecutor.Placed::groups).toList());
      long address = cache.keys(0).address();
      for (HeapExecutor.Placed placed : executor.placed().subList(0, 2)) {
        assertEquals(address, placed.memory().address());
        assertEquals(bytes, placed.memory().byteSize());
        address += cache.groupStride(0);
      }
      assertEquals(bytes, cache.groupStride(0));
      assertEquals(1, cache.groupHeads(0));
      assertEquals(cache.rows(1).address(), executor.placed().get(2).memory().address());
    }
  }

  /** Workers share the heads of a slot, so each slot is divided among nodes. */
  @Test
  void placesStatesOfSlots() {
    var recurrent = new KvShape.Recurrent(1, 4, 8, 8, 3);
    var shape = new KvShape(List.of(new KvShape.Diagonal(5, 2), recurrent, recurrent));
    var executor = new HeapExecutor(4);
    try (Arena arena = Arena.ofConfined()) {
      var cache = new KvCache(executor, shape, KvType.F32, 0, 2, arena);
      List<MemorySegment> sliced = executor.sliced();
      assertEquals(4, sliced.size());
      for (int i = 0; i < 4; i++) {
        long expected = cache.states(1 + i / 2).address() + i % 2 * cache.slotStride();
        assertEquals(expected, sliced.get(i).address());
        assertEquals(4 * recurrent.headFloats() * Float.BYTES, sliced.get(i).byteSize());
      }
    }
  }

  /** Linux limits the number of mappings of a process. */
  @Test
  void interleavesStatesOfManySlots() {
    var shape = new KvShape(List.of(new KvShape.Recurrent(1, 1, 1, 1, 1)));
    try (Arena arena = Arena.ofConfined()) {
      var few = new HeapExecutor(64);
      var _ = new KvCache(few, shape, KvType.F32, 0, 256, arena);
      assertEquals(256, few.sliced().size());
      var many = new HeapExecutor(64);
      var _ = new KvCache(many, shape, KvType.F32, 0, 257, arena);
      assertEquals(List.of(), many.sliced());
    }
  }

  @Test
  void placesExpertsInSlicesUnlessTooMany() {
    assertEquals(Placement.SLICES, Placement.ofExperts(1 << 13, 4));
    assertEquals(Placement.INTERLEAVED, Placement.ofExperts((1 << 13) + 1, 4));
    assertEquals(Placement.SLICES, Placement.ofExperts(0, 64));
  }

  /** Blocks have the bytes of a cache on one node, so that stored states fit both. */
  @Test
  void blocksHaveEqualBytesOnAnyNumberOfNodes() {
    var layer = new KvShape.KeyValue(4, 32, 64);
    var shape =
        new KvShape(List.of(layer, new KvShape.Rows(3), layer, new KvShape.KeyValue(3, 32)));
    for (KvType type : List.of(KvType.F32, KvType.F16, KvType.Q8_0, KvType.Q4_0)) {
      try (Arena arena = Arena.ofConfined()) {
        var one = new KvCache(new HeapExecutor(), shape, type, 3, 0, arena);
        var several = new KvCache(new HeapExecutor(2), shape, type, 3, 0, arena);
        one.acquire();
        several.acquire();
        int block = one.acquire();
        assertEquals(block, several.acquire());
        for (int l : List.of(0, 2, 3)) {
          fillHeads(one, l, block);
          fillHeads(several, l, block);
        }
        fillRows(one, block);
        fillRows(several, block);
        assertArrayEquals(bytes(one.block(block)), bytes(several.block(block)));
        assertArrayEquals(
            bytes(one.copyOf(block, 48, arena)), bytes(several.copyOf(block, 48, arena)));
        assertTrue(several.block(block).size() > one.block(block).size());
        int copy = several.acquire();
        several.copy(block, copy);
        assertArrayEquals(bytes(one.block(block)), bytes(several.block(copy)));
        several.block(0).forEach(part -> assertFilled(part, (byte) 0));
      }
    }
  }

  /** Fills the keys and values of each head with numbers of their own. */
  private static void fillHeads(KvCache cache, int layer, int block) {
    KvShape.KeyValue shape = cache.shape().keyValue(layer);
    for (int head = 0; head < shape.heads(); head++) {
      long at =
          head / cache.groupHeads(layer) * cache.groupStride(layer) + block * cache.stride(layer);
      int inGroup = head % cache.groupHeads(layer);
      fill(cache.keys(layer), at, inGroup, cache.type().keyBytes(shape.dH()), 100 * layer + head);
      fill(cache.values(layer), at, inGroup, cache.type().bytes(shape.dV()), 50 + head);
    }
  }

  private static void fill(MemorySegment half, long at, int head, int bytes, int seed) {
    for (int i = 0; i < KvCache.BLOCK * bytes; i++) {
      long offset = at + (long) head * KvCache.BLOCK * bytes + i;
      half.set(ValueLayout.JAVA_BYTE, offset, (byte) (31 * seed + i));
    }
  }

  private static void fillRows(KvCache cache, int block) {
    cache.rows(1).asSlice(block * cache.stride(1), cache.stride(1)).fill((byte) 7);
  }

  private static byte[] bytes(List<MemorySegment> parts) {
    var all = new ByteArrayOutputStream();
    parts.forEach(part -> all.writeBytes(part.toArray(ValueLayout.JAVA_BYTE)));
    return all.toByteArray();
  }

  private static void assertFirst(List<Integer> positions, MemorySegment copy) {
    assertEquals(positions.size(), copy.byteSize());
    for (int i = 0; i < positions.size(); i++) {
      int expected = positions.get(i) < 48 ? -1 : 0;
      assertEquals(expected, copy.get(ValueLayout.JAVA_BYTE, i), "byte " + i);
    }
  }

  private static List<Integer> positionsOfRows(int bytes) {
    return IntStream.range(0, KvCache.BLOCK * bytes).map(i -> i / bytes).boxed().toList();
  }

  private static int codeBytes(KvType type, int width) {
    return switch (type) {
      case F32 -> 4 * width;
      case F16, BF16 -> 2 * width;
      case Q8_0 -> width;
      case Q4_0 -> width / 2;
    };
  }

  private static List<Integer> positionsOfKeys(KvType type, int dH) {
    List<Integer> positions = new ArrayList<>();
    for (int tile = 0; tile < KvCache.BLOCK; tile += KvCache.LANES) {
      // Scaled types interleave four bytes of a position.
      int bytes = type.isScaled() ? 4 : type.bytes(1);
      for (int i = 0; i < KvCache.LANES * codeBytes(type, dH); i++) {
        positions.add(tile + i / bytes % KvCache.LANES);
      }
      for (int i = 0; type.isScaled() && i < dH / 32 * KvCache.LANES * 2; i++) {
        positions.add(tile + i / 2 % KvCache.LANES);
      }
    }
    // The key to which others are differences is that of the first position.
    int shared = KvCache.BLOCK * (type.keyBytes(dH) - type.bytes(dH));
    positions.addAll(Collections.nCopies(shared, 0));
    return positions;
  }

  private static MemorySegment block(KvCache cache, MemorySegment half, int layer, int block) {
    KvShape.KeyValue shape = cache.shape().keyValue(layer);
    long page = (long) KvCache.BLOCK * cache.type().bytes(shape.dH());
    return half.asSlice(block * cache.stride(layer), shape.heads() * page);
  }
}

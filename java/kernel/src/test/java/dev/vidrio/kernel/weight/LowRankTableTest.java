package dev.vidrio.kernel.weight;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.weight.LowRankTable.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class LowRankTableTest {
  private final LowRankTable table =
      new LowRankTable(List.of(new Matrix(20, 8), new Matrix(5, 8)), 2, 3, 4);

  private static LowRank lowRank(int n, int k, int rank, Arena arena) {
    MemorySegment a = arena.allocate((long) rank * k * Float.BYTES, Float.BYTES);
    MemorySegment b = arena.allocate(LowRank.bytes(n, rank), Float.BYTES);
    return new LowRank(new Weights("a", WeightType.F32, Weights.Layout.ROWS, rank, k, a), n, b, 1);
  }

  private static void assertRejected(String message, Executable executable) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, executable).getMessage());
  }

  @Test
  void appliesChosenAdapterPerSequence() {
    Arena arena = Arena.ofAuto();
    LowRank first = lowRank(20, 8, 4, arena);
    LowRank second = lowRank(5, 8, 1, arena);
    table.set(1, List.of(first, second));
    assertNull(table.updateOf(2, 0));
    table.choose(2, 1, 0.5f);
    table.choose(1, 0, 2);
    assertSame(first, table.updateOf(2, 0));
    assertSame(second, table.updateOf(2, 1));
    assertEquals(0.5f, table.strength(2));
    assertNull(table.updateOf(1, 0));
    assertNull(table.updateOf(3, 0), "a sequence beyond the table has none");
    table.choose(2, 1, 0);
    assertEquals(LowRankTable.NONE, table.slot(2), "strength 0 is no adapter");
    table.choose(0, 1, 1);
    int version = table.version();
    table.chooseNone();
    assertEquals(version, table.version());
    assertNull(table.updateOf(0, 0));
    table.choose(0, 1, 1);
    table.clear(1);
    assertNull(table.updateOf(0, 0));
  }

  @Test
  void rejectsMismatchedAdapters() {
    Arena arena = Arena.ofAuto();
    LowRank fits = lowRank(20, 8, 4, arena);
    assertRejected("1 updates for 2 matrices", () -> table.set(0, List.of(fits)));
    assertRejected(
        "a: shape differs from Matrix[n=5, k=8]", () -> table.set(0, List.of(fits, fits)));
    assertRejected(
        "a: shape differs from Matrix[n=20, k=8]",
        () -> table.set(0, Arrays.asList(lowRank(20, 9, 4, arena), null)));
    assertRejected(
        "a: rank 5 exceeds 4", () -> table.set(0, Arrays.asList(lowRank(20, 8, 5, arena), null)));
    assertRejected("slot 2 is outside 0 to 1", () -> table.choose(0, 2, 1));
    assertRejected("strength NaN must be finite", () -> table.choose(0, 0, Float.NaN));
    assertRejected("rank 513 is outside 1 to 512", () -> new LowRankTable(List.of(), 1, 1, 513));
    assertRejected("0 adapters: must be positive", () -> new LowRankTable(List.of(), 0, 1, 1));
  }

  @Test
  void rejectsInvalidFactors() {
    Arena arena = Arena.ofAuto();
    Weights a = lowRank(20, 8, 4, arena).a();
    MemorySegment b = arena.allocate(LowRank.bytes(20, 4) - 4, 4);
    assertEquals(2 * 16 * 4 * 4, LowRank.bytes(20, 4));
    assertRejected("a: B has 508 bytes, not 512", () -> new LowRank(a, 20, b, 1));
    assertRejected(
        "a: scale Infinity must be finite",
        () -> new LowRank(a, 4, arena.allocate(256, 4), Float.POSITIVE_INFINITY));
    assertEquals(3, LowRank.index(4, 3, 0));
    assertEquals(16 + 3, LowRank.index(4, 3, 1));
    assertEquals(4 * 16 + 2 * 16 + 1, LowRank.index(4, 17, 2));
  }

  @Test
  void requireAlive_closedMemory_throws() {
    try (Arena arena = Arena.ofConfined()) {
      table.set(0, Arrays.asList(null, lowRank(5, 8, 2, arena)));
      table.requireAlive();
    }
    Exception e = assertThrows(IllegalStateException.class, table::requireAlive);
    assertEquals("the adapter of a is closed", e.getMessage());
    table.clear(0);
    table.requireAlive();
  }
}

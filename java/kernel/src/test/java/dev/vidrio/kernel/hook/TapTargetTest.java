package dev.vidrio.kernel.hook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class TapTargetTest {
  private static TapTarget target(Arena arena) {
    return target(TapType.BF16, 5, 10, 2, arena);
  }

  private static TapTarget target(TapType type, int width, long rows, int sequences, Arena arena) {
    MemorySegment data = arena.allocate(TapTarget.bytes(type, width, rows), 64);
    return new TapTarget(type, width, rows, sequences, data, arena);
  }

  private static void assertRejected(String message, Runnable call) {
    Exception e = assertThrows(IllegalArgumentException.class, call::run);
    assertEquals(message, e.getMessage());
  }

  @Test
  void mapsTokensToRowsOfTheirSequence() {
    try (Arena arena = Arena.ofConfined()) {
      TapTarget target = target(arena);
      assertEquals(10 * 5 * 2, target.data().byteSize());
      assertEquals(-1, target.row(0, 0));
      target.positions(3, 7);
      assertEquals(-1, target.row(0, 3));
      target.sequence(0, 6);
      target.sequence(1, 0);
      assertEquals(-1, target.row(0, 2));
      assertEquals(6, target.row(0, 3));
      assertEquals(9, target.row(0, 6));
      assertEquals(-1, target.row(0, 7));
      assertEquals(0, target.row(1, 3));
      assertEquals(-1, target.row(2, 3));
      target.sequence(0, -1);
      assertEquals(-1, target.row(0, 3));
    }
  }

  @Test
  void rejectsRowsOutOfRange() {
    try (Arena arena = Arena.ofConfined()) {
      TapTarget target = target(arena);
      target.positions(3, 7);
      String exceeding = "rows from 7 for 4 positions exceed the 10 rows";
      assertRejected(exceeding, () -> target.sequence(0, 7));
      target.sequence(1, 6);
      assertRejected(
          "rows from 6 for 5 positions exceed the 10 rows", () -> target.positions(3, 8));
      assertRejected("positions 3 to 2: invalid range", () -> target.positions(3, 2));
      assertRejected("positions -1 to 2: invalid range", () -> target.positions(-1, 2));
      assertRejected("sequence 2 is outside 0 to 1", () -> target.sequence(2, 0));
      assertRejected("row -2 must be at least -1", () -> target.sequence(0, -2));
      assertEquals(9, target.row(1, 6));
    }
  }

  @Test
  void rejectsInvalidSizes() {
    try (Arena arena = Arena.ofConfined()) {
      assertRejected("0 rows: must be positive", () -> target(TapType.F32, 5, 0, 1, arena));
      assertRejected("width 0 must be positive", () -> target(TapType.F32, 0, 1, 1, arena));
      assertRejected("0 sequences: must be positive", () -> target(TapType.F32, 5, 1, 0, arena));
      assertThrows(
          ArithmeticException.class, () -> target(TapType.F32, 5, Long.MAX_VALUE / 10, 1, arena));
    }
  }

  @Test
  void tap_widthOfTarget_required() {
    try (Arena arena = Arena.ofConfined()) {
      TapTarget target = target(arena);
      assertEquals(
          5, new HookOp.Tap(new Buffer("x", Rows.LOGITS, 5), target).primaryOperand().width());
      assertRejected(
          "x: invalid width, the target has 5",
          () -> new HookOp.Tap(new Buffer("x", Rows.TOKENS, 6), target));
    }
  }
}

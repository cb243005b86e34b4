package dev.vidrio.kernel.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.weight.LowRankTable;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Operations that constructors reject, which fuzzing of plans found accepted. */
class OpTest {
  private static final Buffer X = new Buffer("x", Rows.TOKENS, 8);
  private static final Buffer Y = new Buffer("y", Rows.TOKENS, 8);

  private static void assertRejected(String message, Executable op) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, op).getMessage());
  }

  @Test
  void rotationOfNoElements_isRejected() {
    var none = new Rotation(Rotation.Pairs.HALVES, List.of(), 1);
    assertRejected("y: invalid rotation of no elements", () -> new SequenceOp.Rope(none, 4, X, Y));
  }

  @Test
  void temperature_rejectsLengthsAndOffsets() {
    assertRejected(
        "temperature length 0 must be at least 1", () -> new Rotation.Temperature(1, 0, 0));
    assertRejected(
        "temperature offset -1 must not be negative", () -> new Rotation.Temperature(1, 8, -1));
    assertRejected(
        "temperature scale NaN must be finite", () -> new Rotation.Temperature(Double.NaN, 8, 0));
  }

  @Test
  void missingMatrixOfAdapters_isRejected() {
    var table = new LowRankTable(List.of(new LowRankTable.Matrix(8, 8)), 1, 1, 2);
    var t = new Buffer("t", Rows.TOKENS, 2);
    assertRejected("t: invalid matrix 1", () -> new LowRankOp.Down(X, table, 1, t));
    assertRejected("y: invalid matrix -1", () -> new LowRankOp.Up(X, t, table, -1, Y));
  }

  @Test
  void gradientOfBidirectionalAttention_isRejected() {
    var forward = new SequenceOp.Attention(0, 1, 1, Window.BIDIRECTIONAL, 0, null, null, X, Y);
    var statistics = new Buffer("s", Rows.TOKENS, 3);
    assertRejected(
        "s: invalid window: bidirectional attention has no gradient",
        () -> new BackwardOp.Query(forward, Y.like("dz"), X.like("dq"), statistics));
  }
}

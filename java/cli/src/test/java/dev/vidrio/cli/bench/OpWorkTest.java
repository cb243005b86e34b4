package dev.vidrio.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;

final class OpWorkTest {
  private static final KvShape SHAPE = new KvShape(1, 2, 32);

  private static OpWork attention(Window window) {
    var q = new Buffer("q", Rows.TOKENS, 128);
    var z = new Buffer("z", Rows.TOKENS, 128);
    try (Arena arena = Arena.ofConfined()) {
      var batch = new Batch(new Limits(8, 1, 2, 64, 10), arena);
      int first = batch.addSequence(new int[] {0}, 1);
      batch.add(1, 10, first, false);
      batch.add(1, 11, first, false);
      int second = batch.addSequence(new int[] {1}, 1);
      batch.add(1, 3, second, true);
      var op = new SequenceOp.Attention(0, 4, 1, window, 0, null, null, q, z);
      return OpWork.of(op, batch, SHAPE, KvType.F32);
    }
  }

  @Test
  void countsAttentionWork() {
    OpWork work = attention(Window.ALL);
    assertEquals((12 + 4) * 2 * 2 * 32 * 4, work.bytes());
    assertEquals((11 + 12 + 4) * 4 * 128, work.operations());
  }

  /** Counts the products in the order of docs/numerics.md. */
  @Test
  void countsRecurrenceWork() {
    int heads = 3;
    int dK = 4;
    int dV = 8;
    var layer = new KvShape.Recurrent(1, heads, dK, dV, 2);
    var shape = new KvShape(List.of(layer));
    var q = new Buffer("q", Rows.TOKENS, dK);
    var v = new Buffer("v", Rows.TOKENS, heads * dV);
    var step = new Buffer("step", Rows.TOKENS, heads);
    try (Arena arena = Arena.ofConfined()) {
      var batch = new Batch(new Limits(20, 1, 1, 64, 10), arena);
      int sequence = batch.addSequence(new int[] {0}, 1, 0);
      double products = 0;
      for (int position = 12; position < 32; position++) {
        batch.add(1, position, sequence, false);
        int t = position % 16;
        products += dK * dV + t * (dK + dV); // what the key reads
        products += dK * dV + (t + 1) * (dK + dV); // what the query reads
        products += dK * dV; // its part of the next state
      }
      var a =
          new Weights(
              "a", WeightType.F32, Weights.Layout.ROWS, 1, heads, arena.allocate(4L * heads, 64));
      var op =
          new SequenceOp.Recurrence(
              0,
              SequenceOp.Update.DELTA,
              SequenceOp.Grouping.TILED,
              a,
              null,
              new SequenceOp.Recurrence.Inputs<>(
                  q,
                  new Buffer("k", Rows.TOKENS, dK),
                  v,
                  step,
                  new Buffer("beta", Rows.TOKENS, heads)),
              new Buffer("z", Rows.TOKENS, heads * dV));
      OpWork work = OpWork.of(op, batch, shape, KvType.F32);
      assertEquals(heads * (dK * dV + 12 * (dK + dV)) * 4, work.bytes());
      assertEquals(2 * heads * products, work.operations());
      assertEquals(heads * dK * dV * 4, OpWork.stateBytes(shape));
      var diagonal = new KvShape(List.of(new KvShape.Diagonal(7, 4)));
      assertEquals(7 * 4, OpWork.stateBytes(diagonal));
    }
  }

  @Test
  void slidingWindowLimitsWork() {
    OpWork work = attention(Window.sliding(5));
    assertEquals((6 + 4) * 2 * 2 * 32 * 4, work.bytes());
    assertEquals((5 + 5 + 4) * 4 * 128, work.operations());
  }
}

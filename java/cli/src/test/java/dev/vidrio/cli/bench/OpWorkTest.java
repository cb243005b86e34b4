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
import java.lang.foreign.Arena;
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
  void attentionReadsEachSequenceOnceAndComputesForEachToken() {
    OpWork work = attention(Window.ALL);
    assertEquals((12 + 4) * 2 * 2 * 32 * 4, work.bytes());
    assertEquals((11 + 12 + 4) * 4 * 128, work.operations());
  }

  @Test
  void aWindowLeavesEarlierPositionsOut() {
    OpWork work = attention(Window.sliding(5));
    assertEquals((6 + 4) * 2 * 2 * 32 * 4, work.bytes());
    assertEquals((5 + 5 + 4) * 4 * 128, work.operations());
  }
}

package dev.vidrio.lens;

import dev.vidrio.kernel.Buffer;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.Op;
import dev.vidrio.kernel.Operand;
import dev.vidrio.kernel.QuantizedBuffer;
import dev.vidrio.kernel.Rows;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * What each head adds to the output of attention: the product of z, all other heads zero, with W_O
 * as the running model multiplies it. The sum over heads is the output without its bias, but for
 * rounding.
 */
final class HeadResults {
  /** Rows of a step. */
  private static final int ROWS = 256;

  private HeadResults() {}

  /**
   * Fills in [n, H, d].
   *
   * @param z [n, H, d_h]
   */
  static void fill(
      HookSource.HeadResults source, Executor executor, MemorySegment z, MemorySegment target) {
    int heads = source.heads();
    long width = source.z().width() * 4L;
    long headBytes = width / heads;
    long outBytes = source.output().n() * 4L;
    int rows = Math.toIntExact(Math.multiplyExact(z.byteSize() / width, heads));
    try (RowPlan plan = plan(source, executor, Math.min(rows, ROWS))) {
      for (int begin = 0; begin < rows; begin += plan.rows()) {
        int count = Math.min(plan.rows(), rows - begin);
        for (int i = 0; i < count; i++) {
          int token = (begin + i) / heads;
          long head = (begin + i) % heads * headBytes;
          MemorySegment row = plan.input(i).fill((byte) 0);
          MemorySegment.copy(z, token * width + head, row, head, headBytes);
        }
        plan.run(count);
        for (int i = 0; i < count; i++) {
          MemorySegment.copy(plan.output(i), 0, target, (begin + i) * outBytes, outBytes);
        }
      }
    }
  }

  private static RowPlan plan(HookSource.HeadResults source, Executor executor, int rows) {
    var z = new Buffer("z", Rows.TOKENS, source.z().width());
    var result = new Buffer("result", Rows.TOKENS, source.output().n());
    List<Op> ops = new ArrayList<>();
    Operand x = z;
    if (source.output().type().quantized()) {
      var quantized = new QuantizedBuffer("z.quantized", Rows.TOKENS, z.width());
      ops.add(new Op.Quantize(z, quantized));
      x = quantized;
    }
    ops.add(new Op.MatMul(source.output(), x, result));
    return new RowPlan(executor, z, ops, result, rows);
  }
}

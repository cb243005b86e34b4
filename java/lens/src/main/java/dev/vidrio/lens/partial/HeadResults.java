package dev.vidrio.lens.partial;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.resolve.HookSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Computes the contribution of each head to the output of attention: the product of z, with all
 * other heads set to zero, and W_O, with the kernels that serve. The sum over heads is the output
 * without its bias, up to rounding.
 *
 * <p>If the columns of W_O that read a head are whole blocks, each head is multiplied by a copy of
 * its columns, since zeros change no bit of a sum; otherwise rows with zeros are multiplied.
 */
public final class HeadResults implements AutoCloseable {
  /** Maximum rows per step of products with zeros. */
  private static final int ROWS = 256;

  /** Maximum rows per step of products with columns. */
  private static final int DIVIDED_ROWS = 48;

  /** Receives contributions. */
  @FunctionalInterface
  public interface Sink {
    /**
     * Receives adjacent rows of a head's contribution.
     *
     * @param begin the first row
     * @param rows [rows, d], valid during the call
     */
    void take(int head, int begin, MemorySegment rows);
  }

  private final HookSource.HeadResults source;
  private final Arena arena = Arena.ofShared();
  private final RowPlan plan;

  /**
   * The parts of z by head, [rows, d_h], and the outputs; none if rows with zeros are multiplied.
   */
  private final List<Weights> inputs = new ArrayList<>();

  private final List<Buffer> outputs = new ArrayList<>();
  private int opsPerHead;

  /**
   * Creates the computation.
   *
   * @param rows the expected number of rows of z per call
   */
  public HeadResults(HookSource.HeadResults source, Executor executor, int rows) {
    this.source = source;
    try {
      this.plan =
          HeadColumns.divides(source.output(), source.heads())
              ? divided(executor, Math.clamp(rows, 1, DIVIDED_ROWS))
              : RowPlan.product(
                  executor, source.output(), Math.clamp((long) rows * source.heads(), 1, ROWS));
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Returns a plan with a product for each head. */
  private RowPlan divided(Executor executor, int rows) {
    List<Op> ops = new ArrayList<>();
    List<Buffer> parts = new ArrayList<>();
    for (int h = 0; h < source.heads(); h++) {
      Weights columns = HeadColumns.copy(executor, source.output(), source.heads(), h, arena);
      var x = new Buffer("z." + h, Rows.TOKENS, columns.k());
      var y = new Buffer("result." + h, Rows.TOKENS, columns.n());
      Weights input = RowPlan.input(executor, x, rows, arena);
      int begin = ops.size();
      ops.add(new Op.Embed(input, Op.EmbedIndex.TOKENS, 0, 0, x));
      if (columns.type().quantized()) {
        var quantized = new QuantizedBuffer("z.quantized." + h, Rows.TOKENS, columns.k());
        ops.add(new Op.Quantize(x, quantized));
        ops.add(new Op.MatMul(columns, quantized, y));
      } else {
        ops.add(new Op.MatMul(columns, x, y));
      }
      opsPerHead = ops.size() - begin;
      inputs.add(input);
      parts.add(x);
      outputs.add(y);
    }
    // The plan itself adds the first operation.
    return new RowPlan(
        executor,
        parts.getFirst(),
        ops.subList(1, ops.size()),
        outputs,
        rows,
        ignored -> inputs.getFirst());
  }

  /**
   * Computes head results [n, H, d].
   *
   * @param z [n, H, d_h]
   */
  public static void fill(
      HookSource.HeadResults source, Executor executor, MemorySegment z, MemorySegment target) {
    int rows = Math.toIntExact(z.byteSize() / (source.z().width() * 4L));
    try (var results = new HeadResults(source, executor, rows)) {
      results.fill(z, target);
    }
  }

  /**
   * Computes head results [n, H, d].
   *
   * @param z [n, H, d_h]
   */
  public void fill(MemorySegment z, MemorySegment target) {
    int heads = source.heads();
    long bytes = source.output().n() * 4L;
    run(
        z,
        IntStream.range(0, heads).toArray(),
        (head, begin, rows) -> {
          for (long i = 0; i < rows.byteSize() / bytes; i++) {
            long at = (begin + i) * heads + head;
            MemorySegment.copy(rows, i * bytes, target, at * bytes, bytes);
          }
        });
  }

  /**
   * Computes the results of some heads.
   *
   * @param z [n, H, d_h]
   * @param heads in ascending order
   */
  public void run(MemorySegment z, int[] heads, Sink sink) {
    long width = source.z().width() * 4L;
    int n = Math.toIntExact(z.byteSize() / width);
    long part = width / source.heads();
    if (!inputs.isEmpty()) {
      runDivided(z, heads, n, part, sink);
      return;
    }
    plan.run(
        Math.multiplyExact(n, heads.length),
        (i, row) -> {
          long head = heads[i % heads.length] * part;
          long at = i / heads.length * width + head;
          MemorySegment.copy(z, at, row.fill((byte) 0), head, part);
        },
        (i, row) -> sink.take(heads[i % heads.length], i / heads.length, row));
  }

  private void runDivided(MemorySegment z, int[] heads, int n, long part, Sink sink) {
    for (int begin = 0; begin < n; begin += plan.rows()) {
      int rows = Math.min(plan.rows(), n - begin);
      plan.select(IntStream.range(0, rows).toArray());
      for (int head : heads) {
        MemorySegment input = inputs.get(head).data();
        for (int i = 0; i < rows; i++) {
          long at = ((long) (begin + i) * source.heads() + head) * part;
          MemorySegment.copy(z, at, input, i * part, part);
        }
      }
      runHeads(heads);
      for (int head : heads) {
        MemorySegment y = plan.data(outputs.get(head));
        sink.take(head, begin, y.asSlice(0, 4L * rows * source.output().n(), 4));
      }
    }
  }

  /** Runs the operations of heads, of adjacent ones together. */
  private void runHeads(int[] heads) {
    for (int i = 0; i < heads.length; ) {
      int first = heads[i];
      int end = first;
      for (; i < heads.length && heads[i] == end; i++) {
        end++;
      }
      plan.run(first * opsPerHead, end * opsPerHead);
    }
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}

package dev.vidrio.lens.partial;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * Runs a part of a model's plan without attention on given rows, such as the operations from one
 * hook point to another. The rows are those of an embedding table with the row numbers as tokens.
 */
public final class RowPlan implements AutoCloseable {
  private static final KvShape NO_CACHE = new KvShape(1, 1, 1);

  private final Arena arena = Arena.ofShared();
  private final Weights table;
  private final Buffer output;
  private final boolean logits;
  private final int[] blocks;
  private final Batch batch;
  private final ExecutablePlan plan;

  /**
   * Runs operations on rows of the caller.
   *
   * @param x the input of the operations, a row per token
   * @param output their output
   * @param rows maximum rows per run
   */
  public RowPlan(Executor executor, Buffer x, List<Op> ops, Buffer output, int rows) {
    this(executor, x, ops, List.of(output), rows, arena -> input(executor, x, rows, arena));
  }

  /** Dequantizes rows of a matrix, which must not be packed. */
  public RowPlan(Executor executor, Weights matrix, int rows) {
    this(executor, row(matrix), List.of(), List.of(row(matrix)), rows, arena -> matrix);
  }

  /** Returns the product of rows of the caller with a matrix, with the kernels that serve. */
  public static RowPlan product(Executor executor, Weights matrix, int rows) {
    var x = new Buffer("x", Rows.TOKENS, matrix.k());
    var y = new Buffer("y", Rows.TOKENS, matrix.n());
    return new RowPlan(executor, x, product(matrix, x, y), y, rows);
  }

  /** Returns the operations that compute {@code y = x Wᵀ}. */
  static List<Op> product(Weights matrix, Buffer x, Buffer y) {
    if (!matrix.type().quantized()) {
      return List.of(new Op.MatMul(matrix, x, y));
    }
    var quantized = new QuantizedBuffer("x.quantized", Rows.TOKENS, matrix.k());
    return List.of(new Op.Quantize(x, quantized), new Op.MatMul(matrix, quantized, y));
  }

  /** Runs operations on embeddings of tokens. */
  public RowPlan(Executor executor, Op.Embed embed, List<Op> ops, Buffer output, int rows) {
    this(executor, embed.y(), ops, List.of(output), rows, arena -> embed.table());
  }

  /**
   * Runs operations on rows of a table.
   *
   * @param kept the output, then other buffers that {@link #data} reads
   * @param source allocates the table
   */
  RowPlan(
      Executor executor,
      Buffer x,
      List<Op> ops,
      List<Buffer> kept,
      int rows,
      Function<Arena, Weights> source) {
    this.output = kept.getFirst();
    this.logits = kept.stream().anyMatch(buffer -> buffer.rows() == Rows.LOGITS);
    try {
      this.table = source.apply(arena);
      List<Op> all = new ArrayList<>();
      all.add(new Op.Embed(table, Op.EmbedIndex.TOKENS, 0, 0, x));
      all.addAll(ops);
      this.blocks = IntStream.range(0, KvCache.blocksFor(rows)).toArray();
      var cache = new KvCache(executor, NO_CACHE, blocks.length, arena);
      var limits = new Limits(rows, rows, 1, rows, table.n());
      this.batch = new Batch(limits, arena);
      this.plan = executor.prepare(new Plan(all, NO_CACHE, Set.copyOf(kept)), limits, cache);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Allocates a table of {@code rows} rows of x. */
  static Weights input(Executor executor, Buffer x, int rows, Arena arena) {
    MemorySegment data = executor.allocate(Math.multiplyExact((long) rows * x.width(), 4L), arena);
    return new Weights(x.name(), WeightType.F32, Weights.Layout.ROWS, rows, x.width(), data);
  }

  private static Buffer row(Weights matrix) {
    return new Buffer(matrix.name(), Rows.TOKENS, matrix.k());
  }

  /** Returns the maximum rows per run. */
  public int rows() {
    return batch.limits().tokens();
  }

  /** Reads or fills a row. */
  @FunctionalInterface
  public interface Row {
    /**
     * Processes row {@code i} of all.
     *
     * @param elements valid during the call
     */
    void at(int i, MemorySegment elements);
  }

  /**
   * Runs any number of rows.
   *
   * @param input fills each row of the input
   * @param output receives each row of the output
   */
  public void run(int count, Row input, Row output) {
    run(count, input, begin -> plan.run(batch), output);
  }

  /**
   * Runs any number of rows by {@code step}, which receives the first row of each run and calls
   * {@link #run(int, int)}.
   */
  void run(int count, Row input, IntConsumer step, Row output) {
    run(count, input, step, output, IntStream::sequential);
  }

  /** Runs any number of rows as {@link #run(int, Row, Row)}; several threads process the rows. */
  public void runInParallel(int count, Row input, Row output) {
    run(count, input, begin -> plan.run(batch), output, IntStream::parallel);
  }

  private void run(
      int count, Row input, IntConsumer step, Row output, UnaryOperator<IntStream> order) {
    for (int begin = 0; begin < count; begin += rows()) {
      int first = begin;
      int[] all = IntStream.range(0, Math.min(rows(), count - begin)).toArray();
      order
          .apply(Arrays.stream(all))
          .forEach(i -> input.at(first + i, slice(table.data(), table.k(), i)));
      select(all);
      step.accept(begin);
      order.apply(Arrays.stream(all)).forEach(i -> output.at(first + i, output(i)));
    }
  }

  /** Selects rows of the table, at most {@link #rows}, for {@link #run(int, int)}. */
  void select(int[] rows) {
    batch.clear();
    int sequence = batch.addSequence(blocks, blocks.length);
    for (int i = 0; i < rows.length; i++) {
      batch.add(rows[i], i, sequence, logits);
    }
  }

  /** Runs some operations on the selected rows; operation 0 loads the rows. */
  void run(int begin, int end) {
    plan.run(batch, begin, end);
  }

  /** Runs rows of the table, at most {@link #rows}. */
  public void run(int[] rows) {
    select(rows);
    plan.run(batch);
  }

  /** Runs the first rows of the table and passes their outputs. */
  public void each(int count, Row output) {
    for (int begin = 0; begin < count; begin += rows()) {
      int step = Math.min(rows(), count - begin);
      run(IntStream.range(begin, begin + step).toArray());
      for (int i = 0; i < step; i++) {
        output.at(begin + i, output(i));
      }
    }
  }

  /** Returns row i of the output, valid until the next run. */
  public MemorySegment output(int i) {
    return slice(plan.data(output), output.width(), i);
  }

  /** Returns the rows of a kept buffer, valid until the next run. */
  MemorySegment data(Buffer buffer) {
    return plan.data(buffer);
  }

  private static MemorySegment slice(MemorySegment rows, int width, int i) {
    long bytes = width * 4L;
    return rows.asSlice(i * bytes, bytes, JAVA_FLOAT.byteAlignment());
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}

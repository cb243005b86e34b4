package dev.vidrio.lens.partial;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Computes the gradient with respect to the residual stream through each head's rows of a
 * projection alone: {@code J_normᵀ W_hᵀ dy_h} for the rows W_h [d_h, d] that compute a head's
 * queries, keys, values or gates. All heads together cost as much as the gradient of the whole
 * matrix.
 */
public final class HeadGradients implements AutoCloseable {
  /**
   * A projection with rows that are divided among heads.
   *
   * @param matrix [heads · d_h, d]
   * @param heads number of heads
   */
  public record Projection(Weights matrix, int heads) {
    /** Returns whether the rows of a head are adjacent in memory. */
    public boolean divides() {
      int rows = matrix.n() / heads;
      return matrix.n() % heads == 0
          && (matrix.layout() == Weights.Layout.ROWS || rows % Packing.ROWS == 0);
    }

    /** Returns the rows of a head, which must be adjacent. */
    Weights rows(int head) {
      int rows = matrix.n() / heads;
      long bytes =
          matrix.layout() == Weights.Layout.PACKED
              ? Packing.bytes(matrix.type(), rows, matrix.k())
              : Math.multiplyExact((long) rows, matrix.type().bytes(matrix.k()));
      MemorySegment data = matrix.data().asSlice(head * bytes, bytes);
      String name = matrix.name() + "." + head;
      return new Weights(name, matrix.type(), matrix.layout(), rows, matrix.k(), data);
    }
  }

  /** Receives the gradient of a head. */
  @FunctionalInterface
  public interface Sink {
    /**
     * Receives rows of the gradient of a head; called by several threads.
     *
     * @param head number of the head, counted over all projections
     * @param begin the first row
     * @param gradient [rows, d], valid during the call
     */
    void take(int head, int begin, MemorySegment gradient);
  }

  private final Arena arena = Arena.ofShared();

  /** The input of each head, or none if they share it. */
  private final List<MemorySegment> inputs = new ArrayList<>();

  private final List<MemorySegment> seeds = new ArrayList<>();
  private final List<Buffer> gradients = new ArrayList<>();
  private final List<Projection> projections;
  private final RowPlan plan;
  private final int ops;

  /**
   * Prepares the computation.
   *
   * @param stream the residual stream
   * @param norm from the stream to the input of the projections, or null if they read the stream
   * @param projections matrices that {@linkplain Projection#divides can be divided}
   * @param rows maximum rows per run
   * @param separate whether each head has an input of its own
   */
  public HeadGradients(
      Executor executor,
      Buffer stream,
      Op.@Nullable Norm norm,
      List<Projection> projections,
      int rows,
      boolean separate) {
    this.projections = List.copyOf(projections);
    try {
      List<Op> all = new ArrayList<>();
      for (Projection projection : projections) {
        for (int h = 0; h < projection.heads(); h++) {
          Weights matrix = projection.rows(h);
          String name = "head." + seeds.size();
          MemorySegment seed =
              executor.allocate(Math.multiplyExact((long) rows * matrix.n(), 4L), arena);
          var dy = new Buffer(name + ".dy", Rows.TOKENS, matrix.n());
          var dx = new Buffer(name + ".dx", Rows.TOKENS, matrix.k());
          seeds.add(seed);
          all.add(new BackwardOp.Seed(seed, dy));
          all.add(new BackwardOp.MatMul(matrix, dy, dx));
          Buffer gradient = dx;
          if (norm != null) {
            gradient = new Buffer(name + ".gradient", Rows.TOKENS, stream.width());
            Op.Norm own = norm;
            if (separate) {
              var x = new Buffer(name + ".x", Rows.TOKENS, stream.width());
              MemorySegment input =
                  executor.allocate(Math.multiplyExact((long) rows * x.width(), 4L), arena);
              inputs.add(input);
              all.add(new BackwardOp.Seed(input, x));
              own = (Op.Norm) norm.withOperands(operand -> operand.equals(norm.x()) ? x : operand);
            }
            all.add(new BackwardOp.Norm(own, false, dx, gradient));
          }
          gradients.add(gradient);
        }
      }
      this.ops = all.size() + 1;
      this.plan =
          new RowPlan(
              executor,
              stream,
              all,
              gradients,
              rows,
              own -> RowPlan.input(executor, stream, rows, own));
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /**
   * Computes the gradients of rows.
   *
   * @param x the input of all heads, or of each in order, [count, d]
   * @param dy the gradient with respect to the output of each projection, [count, heads · d_h]
   */
  public void run(int count, List<MemorySegment> x, List<MemorySegment> dy, Sink sink) {
    MemorySegment first = x.getFirst();
    plan.run(
        count,
        (i, row) -> MemorySegment.copy(first, i * row.byteSize(), row, 0, row.byteSize()),
        begin -> {
          int rows = Math.min(plan.rows(), count - begin);
          for (int h = 0; h < inputs.size(); h++) {
            long row = x.get(h).byteSize() / count;
            MemorySegment.copy(x.get(h), begin * row, inputs.get(h), 0, rows * row);
          }
          fill(begin, rows, dy);
          plan.run(0, ops);
          IntStream.range(0, gradients.size())
              .parallel()
              .forEach(
                  h -> {
                    Buffer gradient = gradients.get(h);
                    long bytes = 4L * rows * gradient.width();
                    sink.take(h, begin, plan.data(gradient).asSlice(0, bytes));
                  });
        },
        (i, row) -> {});
  }

  private void fill(int begin, int rows, List<MemorySegment> dy) {
    int head = 0;
    for (int p = 0; p < projections.size(); p++) {
      int heads = projections.get(p).heads();
      long width = projections.get(p).matrix().n() / heads;
      for (int h = 0; h < heads; h++, head++) {
        MemorySegment seed = seeds.get(head);
        for (int i = 0; i < rows; i++) {
          long at = 4L * width * ((long) (begin + i) * heads + h);
          MemorySegment.copy(dy.get(p), JAVA_FLOAT, at, seed, JAVA_FLOAT, 4L * width * i, width);
        }
      }
    }
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}

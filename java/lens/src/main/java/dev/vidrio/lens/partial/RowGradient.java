package dev.vidrio.lens.partial;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntConsumer;

/**
 * Computes the gradient of a rowwise part of a model's plan with respect to its input, through this
 * part alone.
 */
public final class RowGradient implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final Map<Buffer, MemorySegment> seeds = new LinkedHashMap<>();
  private final int forwardOps;
  private final int ops;
  private final RowPlan plan;

  /**
   * Creates the gradient of operations.
   *
   * @param part the operations
   * @param kv of the plan
   * @param from the input
   * @param to the outputs
   * @param rows maximum rows per run
   */
  public RowGradient(
      Executor executor, List<Op> part, KvShape kv, Buffer from, List<Buffer> to, int rows) {
    try {
      for (Buffer buffer : to) {
        long bytes = Math.multiplyExact((long) rows * buffer.width(), 4L);
        seeds.put(buffer, executor.allocate(bytes, arena));
      }
      // Differentiation requires an operation that writes the input; RowPlan replaces it by its own
      // table.
      List<Op> all = new ArrayList<>(part);
      Weights table = RowPlan.input(executor, from, 1, arena);
      all.addFirst(new Op.Embed(table, Op.EmbedIndex.TOKENS, 0, 0, from));
      Gradient gradient =
          new Differentiation(seeds, Set.of(from), GradientRules.EXACT)
              .differentiate(new Plan(all, kv, Set.copyOf(to)));
      this.forwardOps = gradient.forwardOps();
      this.ops = gradient.plan().ops().size();
      List<Buffer> kept = new ArrayList<>(to);
      kept.addFirst(gradient.of(from));
      this.plan =
          new RowPlan(
              executor,
              from,
              gradient.plan().ops().subList(1, ops),
              kept,
              rows,
              own -> RowPlan.input(executor, from, rows, own));
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /**
   * Returns combinations of the rows of a matrix [N, K], in the dequantized values that serve.
   *
   * @param factors of the rows, [count][N]
   * @return [count][K]
   */
  public static float[][] combinations(Executor executor, Weights matrix, float[][] factors) {
    var x = new Buffer("x", Rows.TOKENS, matrix.k());
    var y = new Buffer("y", Rows.TOKENS, matrix.n());
    var results = new float[factors.length][matrix.k()];
    try (var gradient =
        new RowGradient(
            executor,
            RowPlan.product(matrix, x, y),
            new KvShape(1, 1, 1),
            x,
            List.of(y),
            factors.length)) {
      MemorySegment seed = gradient.seed(y);
      for (int i = 0; i < factors.length; i++) {
        MemorySegment.copy(factors[i], 0, seed, JAVA_FLOAT, 4L * i * matrix.n(), matrix.n());
      }
      gradient.run(
          factors.length,
          (i, row) -> row.fill((byte) 0),
          (i, row) -> MemorySegment.copy(row, JAVA_FLOAT, 0, results[i], 0, results[i].length));
    }
    return results;
  }

  /** Returns the gradients with respect to an output, [rows, width], to be filled before a run. */
  public MemorySegment seed(Buffer buffer) {
    MemorySegment seed = seeds.get(buffer);
    if (seed == null) {
      throw new IllegalArgumentException(buffer.name() + " is not an output of this part");
    }
    return seed;
  }

  /** Returns the values of an output, [rows, width], of the last run. */
  public MemorySegment output(Buffer buffer) {
    return plan.data(buffer);
  }

  /** Runs up to {@code rows} rows forward and backward. */
  public void run(int count, RowPlan.Row input, RowPlan.Row gradient) {
    plan.run(count, input, gradient);
  }

  /**
   * Runs any number of rows forward and backward.
   *
   * @param seeding fills the seeds after each run forward, given its first row
   */
  public void run(int count, RowPlan.Row input, IntConsumer seeding, RowPlan.Row gradient) {
    plan.run(
        count,
        input,
        begin -> {
          plan.run(0, forwardOps);
          seeding.accept(begin);
          plan.run(forwardOps, ops);
        },
        gradient);
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}

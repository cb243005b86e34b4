package dev.vidrio.lens.partial;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.resolve.HookMap;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Computes the gradient of a rowwise part of a model's plan with respect to its input, through this
 * part alone.
 */
public final class RowGradient implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final Map<Buffer, MemorySegment> seeds = new LinkedHashMap<>();
  private final RowPlan plan;

  /**
   * Creates the gradient of the operations between activations.
   *
   * @param hooks of the plan
   * @param from the input
   * @param to the outputs
   * @param rows maximum rows per run
   */
  public RowGradient(
      Executor executor, HookMap hooks, KvShape kv, Buffer from, List<Buffer> to, int rows) {
    try {
      for (Buffer buffer : to) {
        long bytes = Math.multiplyExact((long) rows * buffer.width(), 4L);
        seeds.put(buffer, executor.allocate(bytes, arena));
      }
      // Differentiation requires an operation that writes the input; RowPlan replaces it by its own
      // table.
      List<Op> ops = new ArrayList<>();
      ops.add(new Op.Embed(anyTable(from, executor), Op.EmbedIndex.TOKENS, 0, 0, from));
      ops.addAll(hooks.between(from, to.toArray(Buffer[]::new)));
      Gradient gradient =
          new Differentiation(seeds, Set.of(from), GradientRules.EXACT)
              .differentiate(new Plan(ops, kv, Set.of()));
      List<Op> after = gradient.plan().ops().subList(1, gradient.plan().ops().size());
      this.plan = new RowPlan(executor, from, after, gradient.of(from), rows);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  private Weights anyTable(Buffer x, Executor executor) {
    MemorySegment data = executor.allocate(x.width() * 4L, arena);
    return new Weights(x.name(), WeightType.F32, Weights.Layout.ROWS, 1, x.width(), data);
  }

  /** Returns the gradients with respect to an output, [rows, width], to be filled before a run. */
  public MemorySegment seed(Buffer buffer) {
    MemorySegment seed = seeds.get(buffer);
    if (seed == null) {
      throw new IllegalArgumentException(buffer.name() + " is not an output of this part");
    }
    return seed;
  }

  /** Runs up to {@code rows} rows forward and backward. */
  public void run(int count, RowPlan.Row input, RowPlan.Row gradient) {
    plan.run(count, input, gradient);
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}

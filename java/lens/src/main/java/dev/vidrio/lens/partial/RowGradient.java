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
 * The gradient of a part of a model's plan, one that takes row by row what it makes of its input:
 * what flows back to the input through this part alone.
 */
public final class RowGradient implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final Map<Buffer, MemorySegment> seeds = new LinkedHashMap<>();
  private final RowPlan plan;

  /**
   * The part of a plan between activations.
   *
   * @param hooks of the plan
   * @param from the input
   * @param to what the part makes of it
   * @param rows that run at once
   */
  public RowGradient(
      Executor executor, HookMap hooks, KvShape kv, Buffer from, List<Buffer> to, int rows) {
    try {
      for (Buffer buffer : to) {
        long bytes = Math.multiplyExact((long) rows * buffer.width(), 4L);
        seeds.put(buffer, executor.allocate(bytes, arena));
      }
      // The derivation wants the input to be written; RowPlan's table is what writes it in the end.
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

  /** The gradients with respect to an activation that the part makes, [rows, width]. */
  public MemorySegment seed(Buffer buffer) {
    MemorySegment seed = seeds.get(buffer);
    if (seed == null) {
      throw new IllegalArgumentException(buffer.name() + " is no end of this part");
    }
    return seed;
  }

  /** Runs rows forward and back, as many at most as it has room for. */
  public void run(int count, RowPlan.Row input, RowPlan.Row gradient) {
    plan.run(count, input, gradient);
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}

package dev.vidrio.bench;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A range of operations of a plan on one executor, ready to run repeatedly on the same inputs.
 * Before measurement, its results are compared with those of the scalar executor, bit for bit.
 */
final class PlanSlice implements AutoCloseable {
  /** Rows that are compared; the bits of a row do not depend on other rows, so few suffice. */
  private static final int COMPARED_ROWS = 8;

  /**
   * The operations to measure.
   *
   * @param plan a plan; its last operation writes the compared result
   * @param begin the first measured operation; earlier ones compute its inputs
   * @param end the operation after the last measured one
   * @param tokens tokens of a step, of one sequence
   * @param depth earlier tokens of the sequence, with keys and values in the cache
   */
  record Work(Plan plan, int begin, int end, int tokens, int depth) {
    /**
     * Marks all activations as outputs, so that no operation overwrites the inputs of earlier ones.
     */
    Work {
      plan =
          new Plan(
              plan.ops(),
              plan.kv(),
              plan.ops().stream()
                  .flatMap(op -> op.writes().stream())
                  .filter(Buffer.class::isInstance)
                  .map(Buffer.class::cast)
                  .collect(Collectors.toSet()));
    }

    /** Returns the work of the last operation of a plan, for the first tokens of a sequence. */
    static Work last(Plan plan, int tokens) {
      return last(plan, tokens, 0);
    }

    /** Returns the work of the last operation of a plan. */
    static Work last(Plan plan, int tokens, int depth) {
      return new Work(plan, plan.ops().size() - 1, plan.ops().size(), tokens, depth);
    }

    private Limits limits() {
      return new Limits(tokens, 1, 1, Math.addExact(depth, tokens), Inputs.TOKENS);
    }

    private Buffer result() {
      return (Buffer) plan.ops().getLast().writes().getFirst();
    }
  }

  /** The work on one executor, with a filled cache and a batch of the measured tokens. */
  private static final class PreparedWork implements AutoCloseable {
    private final Work work;
    private final int[] blocks;
    private final Batch batch;
    private final ExecutablePlan plan;

    PreparedWork(Executor executor, Work work, Arena arena) {
      this.work = work;
      Limits limits = work.limits();
      var cache = new KvCache(executor, work.plan().kv(), limits.blocksPerSequence(), arena);
      this.blocks = IntStream.generate(cache::acquire).limit(cache.blocks()).toArray();
      this.batch = new Batch(limits, arena);
      this.plan = executor.prepare(work.plan(), limits, cache);
      for (int i = 0; i < work.depth(); i += work.tokens()) {
        fill(IntStream.range(i, Math.min(i + work.tokens(), work.depth())));
        plan.run(batch, 0, work.begin());
      }
      fill(IntStream.range(work.depth(), work.depth() + work.tokens()));
      plan.run(batch, 0, work.begin());
    }

    private void fill(IntStream positions) {
      batch.clear();
      int sequence = batch.addSequence(blocks, blocks.length);
      positions.forEach(p -> batch.add(p % Inputs.TOKENS, p, sequence, false));
    }

    private MemorySegment row(int i) {
      long bytes = (long) work.result().width() * Float.BYTES;
      return plan.data(work.result()).asSlice(i * bytes, bytes);
    }

    @Override
    public void close() {
      plan.close();
    }
  }

  private final Executor executor;
  private final Arena arena = Arena.ofShared();
  private final Work work;
  private final PreparedWork step;

  /**
   * Prepares the work and compares its results.
   *
   * @param executor the executor, which is closed with the slice
   * @param source creates the work from random inputs
   * @throws IllegalStateException if a result differs from that of the scalar executor
   */
  PlanSlice(Executor executor, Function<Inputs, Work> source) {
    this.executor = executor;
    this.work = source.apply(new Inputs(executor, arena));
    this.step = new PreparedWork(executor, work, arena);
    compare();
  }

  private void compare() {
    step.plan.run(step.batch);
    int count = Math.min(work.tokens(), COMPARED_ROWS);
    int[] rows =
        IntStream.range(0, count)
            .map(i -> i * (work.tokens() - 1) / Math.max(1, count - 1))
            .toArray();
    try (var scalar = JavaExecutor.scalar(Runtime.getRuntime().availableProcessors());
        Arena local = Arena.ofShared();
        var expected = new PreparedWork(scalar, work, local)) {
      expected.fill(IntStream.of(rows).map(row -> work.depth() + row));
      expected.plan.run(expected.batch);
      for (int i = 0; i < count; i++) {
        Bits.requireSame(expected.row(i), step.row(rows[i]), executor.name() + ", row " + rows[i]);
      }
    }
  }

  /** Runs the measured operations. */
  void run() {
    step.plan.run(step.batch, work.begin(), work.end());
  }

  /** Frees all memory and closes the executor. */
  @Override
  public void close() {
    step.close();
    arena.close();
    executor.close();
  }
}

package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_balance;
import dev.vidrio.bindings.vd_batch;
import dev.vidrio.bindings.vd_limits;
import dev.vidrio.bindings.vd_op;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.PreparedPlan;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.execution.StepBalance;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.DeferredPacking;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A plan encoded in native memory and ready to run: the vd_plan, the workspace of its activations,
 * and the header of the batch, which is refilled for each step. A step is one downcall, however
 * many operations it runs.
 *
 * <p>The plan holds raw addresses, for which the JVM does not check lifetimes. Before each step it
 * checks that memory of others, such as weights, cache and tap targets, is alive ({@link
 * OutsideMemory}).
 *
 * @see "docs/adr/001-foreign-function-boundary.md"
 */
final class NativePlan extends PreparedPlan {
  private final NativeExecutor executor;
  private final Schedule schedule;
  private final KvCache cache;
  private final Arena arena;
  private final MemorySegment header;
  private final int types;

  /** Operations that have run, of all steps and parts of steps, while packings are deferred. */
  private long executed;

  private Encoding encoding;

  /**
   * The plan in native memory.
   *
   * @param deferred packings of matrices that it multiplies in row layout
   */
  private record Encoding(
      MemorySegment handle,
      List<Runnable> updates,
      OutsideMemory outside,
      List<DeferredPacking> deferred) {}

  NativePlan(
      NativeExecutor executor,
      Plan plan,
      Schedule schedule,
      Limits limits,
      KvCache cache,
      Arena arena) {
    super(executor, plan, schedule, limits, cache, arena);
    this.executor = executor;
    this.schedule = schedule;
    this.cache = cache;
    this.arena = arena;
    this.header = vd_batch.allocate(arena);
    this.types = plan.types();
    // Last, since nothing frees it if the constructor fails.
    this.encoding = encode(false);
  }

  private Encoding encode(boolean described) {
    var outside = new OutsideMemory();
    var encoder = new OpEncoder(new NativeOperands(workspace, cache, arena, outside), described);
    MemorySegment handle = create(encoder);
    return new Encoding(handle, encoder.updates(), outside, encoder.deferred());
  }

  private MemorySegment create(OpEncoder encoder) {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment ops = encode(encoder, local);
      MemorySegment bounds = vd_limits.allocate(local);
      vd_limits.tokens(bounds, limits().tokens());
      vd_limits.logits(bounds, limits().logits());
      vd_limits.positions(bounds, limits().positions());
      vd_limits.vocabulary(bounds, limits().vocabulary());
      vd_limits.blocks(bounds, cache.blocks());
      vd_limits.slots(bounds, cache.slots());
      vd_limits.types(bounds, types);
      MemorySegment result = local.allocate(ADDRESS);
      MemorySegment bad = local.allocate(JAVA_INT);
      int status =
          Vidrio.vd_plan_create(ops, plan().ops().size(), bounds, executor.isa().id(), result, bad);
      int i = bad.get(JAVA_INT, 0);
      Status.check(status, i < 0 ? "plan" : "operation " + i + " " + plan().ops().get(i));
      return result.get(ADDRESS, 0);
    }
  }

  /**
   * Writes the operations as an array of vd_op: their rows and their place in the schedule, and by
   * {@link OpEncoder} what differs among them.
   */
  private MemorySegment encode(OpEncoder encoder, Arena local) {
    MemorySegment ops = vd_op.allocateArray(plan().ops().size(), local);
    for (int i = 0; i < plan().ops().size(); i++) {
      Op op = plan().ops().get(i);
      MemorySegment target = vd_op.asSlice(ops, i);
      vd_op.rows(
          target, op.rows() == Rows.TOKENS ? Vidrio.VD_ROWS_TOKENS() : Vidrio.VD_ROWS_LOGITS());
      vd_op.barrier(
          target,
          switch (workspace.barrier(i)) {
            case NEVER -> Vidrio.VD_BARRIER_NEVER();
            case UNLESS_REPLICATED -> Vidrio.VD_BARRIER_UNLESS_REPLICATED();
            case ALWAYS -> Vidrio.VD_BARRIER_ALWAYS();
          });
      vd_op.epilogue(target, schedule.isEpilogue(i) ? 1 : 0);
      vd_op.replicated(
          target,
          (op.reads().stream().anyMatch(schedule::isReplicated) ? Vidrio.VD_REPLICATED_READ() : 0)
              | (schedule.isReplicated(i) ? Vidrio.VD_REPLICATED_WRITE() : 0));
      vd_op.kind(target, encoder.encode(op, vd_op.as(target)));
    }
    return ops;
  }

  @Override
  protected void check(Batch batch) {
    OutsideMemory.requireAlive(batch.memory().tokens().scope(), "batch");
    encoding.outside.requireAlive();
  }

  @Override
  protected void step(Batch batch, int begin, int end) {
    if (!encoding.deferred.isEmpty() && hasRunWhole()) {
      packDeferred();
    }
    fillHeader(batch);
    encoding.updates.forEach(Runnable::run);
    executor.step(
        "running the plan",
        batch.tokenCount(),
        pool -> Vidrio.vd_plan_run(encoding.handle, pool, header, begin, end));
    if (!encoding.deferred.isEmpty()) {
      executed += end - begin;
      if (hasRunWhole()) {
        encoding.deferred.forEach(DeferredPacking::recordUse);
      }
    }
  }

  /** Returns how the matrix products of a step would be divided among workers, once packed. */
  StepBalance balance(int tokens, int count, int nodes) {
    MemorySegment handle = encode(true).handle;
    try {
      return balance(handle, tokens, count, nodes);
    } finally {
      Vidrio.vd_plan_free(handle);
    }
  }

  private static StepBalance balance(MemorySegment handle, int tokens, int count, int nodes) {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment result = vd_balance.allocate(local);
      Status.check(
          Vidrio.vd_plan_balance(handle, tokens, count, nodes, result), "balance of the plan");
      return new StepBalance(
          count,
          vd_balance.bytes(result),
          vd_balance.longest(result),
          vd_balance.remote(result),
          vd_balance.inputs(result),
          vd_balance.barriers(result));
    }
  }

  private boolean hasRunWhole() {
    return executed >= plan().ops().size();
  }

  private void packDeferred() {
    encoding.deferred.forEach(DeferredPacking::packed);
    Encoding packed = encode(false);
    free();
    encoding = packed;
  }

  private void fillHeader(Batch batch) {
    vd_batch.n_tokens(header, batch.tokenCount());
    vd_batch.n_logits(header, batch.logitCount());
    vd_batch.n_sequences(header, batch.sequenceCount());
    vd_batch.max_blocks(header, limits().blocksPerSequence());
    vd_batch.tokens(header, batch.memory().tokens());
    vd_batch.positions(header, batch.memory().positions());
    vd_batch.sequences(header, batch.memory().sequences());
    vd_batch.block_tables(header, batch.memory().blockTables());
    vd_batch.logit_rows(header, batch.memory().logitRows());
    vd_batch.slots(header, batch.memory().slots());
    vd_batch.types(header, types > 0 ? batch.memory().types() : MemorySegment.NULL);
  }

  @Override
  protected void free() {
    Vidrio.vd_plan_free(encoding.handle);
  }
}

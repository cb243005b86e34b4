package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_batch;
import dev.vidrio.bindings.vd_limits;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.PreparedPlan;
import dev.vidrio.kernel.execution.Schedule;
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
  private final List<Runnable> updates;
  private final OutsideMemory outside;
  private final MemorySegment header;
  private final MemorySegment handle;

  NativePlan(
      NativeExecutor executor,
      Plan plan,
      Schedule schedule,
      Limits limits,
      KvCache cache,
      Arena arena) {
    super(executor, plan, schedule, limits, cache, arena);
    this.executor = executor;
    this.header = vd_batch.allocate(arena);
    var encoder = new PlanEncoder(schedule, workspace, cache, arena);
    this.updates = encoder.updates();
    this.outside = encoder.outside();
    this.handle = create(encoder, cache); // Last, since nothing frees it if the constructor fails.
  }

  private MemorySegment create(PlanEncoder encoder, KvCache cache) {
    if (plan().isFast()) {
      Blas.openNamed();
    }
    try (Arena local = Arena.ofConfined()) {
      MemorySegment ops = encoder.encode(plan(), local);
      MemorySegment bounds = vd_limits.allocate(local);
      vd_limits.tokens(bounds, limits().tokens());
      vd_limits.logits(bounds, limits().logits());
      vd_limits.positions(bounds, limits().positions());
      vd_limits.vocabulary(bounds, limits().vocabulary());
      vd_limits.blocks(bounds, cache.blocks());
      vd_limits.slots(bounds, cache.slots());
      MemorySegment result = local.allocate(ADDRESS);
      MemorySegment bad = local.allocate(JAVA_INT);
      int status =
          Vidrio.vd_plan_create(ops, plan().ops().size(), bounds, executor.isa().id(), result, bad);
      int i = bad.get(JAVA_INT, 0);
      Status.check(status, i < 0 ? "plan" : "operation " + i + " " + plan().ops().get(i));
      return result.get(ADDRESS, 0);
    }
  }

  @Override
  protected void check(Batch batch) {
    OutsideMemory.requireAlive(batch.tokens().scope(), "batch");
    outside.requireAlive();
  }

  @Override
  protected void step(Batch batch, int begin, int end) {
    fillHeader(batch);
    updates.forEach(Runnable::run);
    executor.call("running the plan", pool -> Vidrio.vd_plan_run(handle, pool, header, begin, end));
  }

  private void fillHeader(Batch batch) {
    vd_batch.n_tokens(header, batch.tokenCount());
    vd_batch.n_logits(header, batch.logitCount());
    vd_batch.n_sequences(header, batch.sequenceCount());
    vd_batch.max_blocks(header, limits().blocksPerSequence());
    vd_batch.tokens(header, batch.tokens());
    vd_batch.positions(header, batch.positions());
    vd_batch.sequences(header, batch.sequences());
    vd_batch.block_tables(header, batch.blockTables());
    vd_batch.logit_rows(header, batch.logitRows());
    vd_batch.slots(header, batch.slots());
  }

  @Override
  protected void free() {
    Vidrio.vd_plan_free(handle);
  }
}

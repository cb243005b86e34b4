package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_batch;
import dev.vidrio.bindings.vd_limits;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.execution.Workspace;
import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A plan encoded in native memory and ready to run: the vd_plan, the workspace of its activations,
 * and the header of the batch, which is refilled for each step. A step is one downcall, however
 * many operations it runs.
 *
 * <p>The plan holds raw addresses, for which the JVM does not check lifetimes. Before each step it
 * checks that memory of others, such as weights, cache and tap targets, is alive ({@link
 * OutsideMemory}); the lock keeps {@link #close} from freeing its own memory during a step.
 *
 * @see "docs/adr/001-foreign-function-boundary.md"
 */
final class NativePlan implements ExecutablePlan {
  private final NativeExecutor executor;
  private final Plan plan;
  private final Limits limits;
  private final Arena arena = Arena.ofShared();
  private final Workspace workspace;
  private final List<Runnable> updates;

  private final OutsideMemory outside;
  private final MemorySegment header;
  private final MemorySegment handle;
  private final ReentrantLock lease = new ReentrantLock();
  private boolean closed;

  NativePlan(NativeExecutor executor, Plan plan, Schedule schedule, Limits limits, KvCache cache) {
    cache.requireShape(plan.kv());
    this.executor = executor;
    this.plan = plan;
    this.limits = limits;
    try {
      this.workspace = Workspace.allocate(plan, schedule, limits, executor, arena);
      this.header = vd_batch.allocate(arena);
      var encoder = new PlanEncoder(schedule, workspace, cache, arena);
      this.updates = encoder.updates();
      this.outside = encoder.outside();
      this.handle = create(encoder, cache); // Last, since the catch block does not free it.
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  private MemorySegment create(PlanEncoder encoder, KvCache cache) {
    if (plan.isFast()) {
      Blas.openNamed();
    }
    try (Arena local = Arena.ofConfined()) {
      MemorySegment ops = encoder.encode(plan, local);
      MemorySegment bounds = vd_limits.allocate(local);
      vd_limits.tokens(bounds, limits.tokens());
      vd_limits.logits(bounds, limits.logits());
      vd_limits.positions(bounds, limits.positions());
      vd_limits.vocabulary(bounds, limits.vocabulary());
      vd_limits.blocks(bounds, cache.blocks());
      vd_limits.slots(bounds, cache.slots());
      MemorySegment result = local.allocate(ADDRESS);
      MemorySegment bad = local.allocate(JAVA_INT);
      int status =
          Vidrio.vd_plan_create(ops, plan.ops().size(), bounds, executor.isa().id(), result, bad);
      int i = bad.get(JAVA_INT, 0);
      Status.check(status, i < 0 ? "plan" : "operation " + i + " " + plan.ops().get(i));
      return result.get(ADDRESS, 0);
    }
  }

  @Override
  public Plan plan() {
    return plan;
  }

  @Override
  public Limits limits() {
    return limits;
  }

  @Override
  public void run(Batch batch, int begin, int end) {
    if (!batch.limits().equals(limits)) {
      throw new IllegalArgumentException(
          "limits of the batch: " + batch.limits() + "; limits of the plan: " + limits);
    }
    lease.lock();
    try {
      requireOpen();
      OutsideMemory.requireAlive(batch.tokens().scope(), "batch");
      outside.requireAlive();
      workspace.ensurePositions(batch);
      fillHeader(batch);
      updates.forEach(Runnable::run);
      executor.call(
          "running the plan", pool -> Vidrio.vd_plan_run(handle, pool, header, begin, end));
    } finally {
      lease.unlock();
    }
  }

  private void fillHeader(Batch batch) {
    vd_batch.n_tokens(header, batch.tokenCount());
    vd_batch.n_logits(header, batch.logitCount());
    vd_batch.n_sequences(header, batch.sequenceCount());
    vd_batch.max_blocks(header, limits.blocksPerSequence());
    vd_batch.tokens(header, batch.tokens());
    vd_batch.positions(header, batch.positions());
    vd_batch.sequences(header, batch.sequences());
    vd_batch.block_tables(header, batch.blockTables());
    vd_batch.logit_rows(header, batch.logitRows());
    vd_batch.slots(header, batch.slots());
  }

  @Override
  public MemorySegment data(Buffer buffer) {
    return workspace.segment(buffer);
  }

  @Override
  public void close() {
    lease.lock();
    try {
      if (!closed) {
        closed = true;
        Vidrio.vd_plan_free(handle);
        arena.close();
      }
    } finally {
      lease.unlock();
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the plan is closed");
    }
  }
}

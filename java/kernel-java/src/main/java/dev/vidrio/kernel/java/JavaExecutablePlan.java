package dev.vidrio.kernel.java;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.Workspace;
import dev.vidrio.kernel.java.bind.BoundOp;
import dev.vidrio.kernel.java.bind.OpBinder;
import dev.vidrio.kernel.java.runtime.Team;
import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A plan whose operations are bound to memory, run by a team of workers. */
final class JavaExecutablePlan implements ExecutablePlan, Team.Walk {
  private final JavaExecutor executor;
  private final Plan plan;
  private final Limits limits;
  private final KvCache cache;
  private final Arena arena = Arena.ofShared();
  private final Workspace workspace;
  private final List<BoundOp> ops;
  private final ReentrantLock running = new ReentrantLock();
  // Set by the thread that calls run, before the team starts.
  private @Nullable Batch batch;

  JavaExecutablePlan(JavaExecutor executor, Plan plan, Limits limits, KvCache cache) {
    cache.requireShape(plan.kv());
    if (plan.isFast()) {
      throw new IllegalArgumentException(
          "fast products: not supported by the executor "
              + executor.name()
              + "; use the native one");
    }
    this.executor = executor;
    this.plan = plan;
    this.limits = limits;
    this.cache = cache;
    try {
      this.workspace = Workspace.allocate(plan, limits, executor, arena);
      var binder = new OpBinder(workspace, cache);
      this.ops = plan.ops().stream().map(binder::bind).toList();
    } catch (Throwable e) {
      arena.close();
      throw e;
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
    Objects.checkFromToIndex(begin, end, ops.size());
    if (!batch.limits().equals(limits)) {
      throw new IllegalArgumentException(
          "limits of the batch: " + batch.limits() + "; limits of the plan: " + limits);
    }
    running.lock();
    try {
      if (!arena.scope().isAlive()) {
        throw new IllegalStateException("the plan is closed");
      }
      checkRows(batch);
      workspace.ensurePositions(batch);
      this.batch = batch;
      executor.team().walk(this, begin, end);
    } finally {
      this.batch = null;
      running.unlock();
    }
  }

  private void checkRows(Batch batch) {
    for (int row = 0; row < batch.tokenCount(); row++) {
      int sequence = batch.sequence(row);
      int position = batch.position(row);
      if (row > 0 && batch.sequence(row - 1) == sequence && batch.position(row - 1) >= position) {
        throw new IllegalArgumentException(
            "position " + position + " of sequence " + sequence + " must exceed the one before");
      }
      for (int p = 0; p <= position; p += KvCache.BLOCK) {
        int block = batch.block(sequence, p);
        if (block < 0 || block >= cache.blocks()) {
          throw new IndexOutOfBoundsException(
              "block " + block + " is outside 0 to " + (cache.blocks() - 1));
        }
      }
    }
  }

  @Override
  public boolean barrierBefore(int i) {
    return workspace.barrierBefore(i);
  }

  @Override
  public void run(int i, int worker) {
    ops.get(i).run(executor.kernels(worker), Objects.requireNonNull(batch), executor.share(worker));
  }

  @Override
  public MemorySegment data(Buffer buffer) {
    return workspace.segment(buffer);
  }

  @Override
  public void close() {
    running.lock();
    try {
      if (arena.scope().isAlive()) {
        arena.close();
      }
    } finally {
      running.unlock();
    }
  }
}

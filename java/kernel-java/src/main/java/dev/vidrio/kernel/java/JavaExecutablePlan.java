package dev.vidrio.kernel.java;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.PreparedPlan;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.java.bind.BoundOp;
import dev.vidrio.kernel.java.bind.OpBinder;
import dev.vidrio.kernel.java.runtime.Team;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A plan of operations bound to memory, run by a team of workers. */
final class JavaExecutablePlan extends PreparedPlan implements Team.Walk {
  private final JavaExecutor executor;
  private final KvCache cache;
  private final List<BoundOp> ops;
  // Set by the thread that calls run, before the team starts.
  private @Nullable Batch batch;

  JavaExecutablePlan(JavaExecutor executor, Plan plan, Limits limits, KvCache cache, Arena arena) {
    super(executor, plan, Schedule.plain(plan), limits, cache, arena);
    this.executor = executor;
    this.cache = cache;
    var binder = new OpBinder(workspace, cache);
    this.ops = plan.ops().stream().map(binder::bind).toList();
  }

  @Override
  protected void step(Batch batch, int begin, int end) {
    Objects.checkFromToIndex(begin, end, ops.size());
    this.batch = batch;
    try {
      executor.team().walk(this, begin, end);
    } finally {
      this.batch = null;
    }
  }

  @Override
  protected void check(Batch batch) {
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
    JavaExecutor.Worker own = executor.worker(worker);
    ops.get(i).run(own.kernels(), Objects.requireNonNull(batch), own.share());
  }
}

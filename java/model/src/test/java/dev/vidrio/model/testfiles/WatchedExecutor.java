package dev.vidrio.model.testfiles;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Runs plans natively and reports each run before it begins. */
public abstract class WatchedExecutor implements Executor {
  private final Executor real = NativeExecutor.create();

  /** Called before operations [begin, end) of a plan run. */
  protected abstract void onRun(Batch batch, int begin, int end);

  /** Called after a plan was closed. */
  protected void onClose(ExecutablePlan plan) {}

  /** Runs operations [begin, end) of a plan. */
  protected void run(ExecutablePlan plan, Batch batch, int begin, int end) {
    onRun(batch, begin, end);
    plan.run(batch, begin, end);
  }

  @Override
  public String name() {
    return real.name();
  }

  @Override
  public int workers() {
    return real.workers();
  }

  @Override
  public MemorySegment allocate(long bytes, Arena arena) {
    return real.allocate(bytes, arena);
  }

  @Override
  public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
    real.pack(type, n, k, source, packed);
  }

  @Override
  public void lowerPriority() {
    real.lowerPriority();
  }

  @Override
  public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
    return new WatchedPlan(real.prepare(plan, limits, cache), this);
  }

  @Override
  public void close() {
    real.close();
  }

  private record WatchedPlan(ExecutablePlan real, WatchedExecutor watched)
      implements ExecutablePlan {
    @Override
    public Plan plan() {
      return real.plan();
    }

    @Override
    public Limits limits() {
      return real.limits();
    }

    @Override
    public void run(Batch batch, int begin, int end) {
      watched.run(real, batch, begin, end);
    }

    @Override
    public MemorySegment data(Buffer buffer) {
      return real.data(buffer);
    }

    @Override
    public void close() {
      real.close();
      watched.onClose(real);
    }
  }
}

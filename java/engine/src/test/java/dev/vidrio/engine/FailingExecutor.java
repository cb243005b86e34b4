package dev.vidrio.engine;

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
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs plans, but for steps that are to fail; counts memory, until it is to have none. */
final class FailingExecutor implements Executor {
  final AtomicInteger stepsUntilFailure = new AtomicInteger(Integer.MAX_VALUE);
  final Queue<MemorySegment> allocated = new ConcurrentLinkedQueue<>();
  volatile boolean full;
  volatile Runnable onStepAside = () -> {};
  private final Executor real = NativeExecutor.create();

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
    if (full) {
      throw new OutOfMemoryError("made to fail");
    }
    MemorySegment memory = real.allocate(bytes, arena);
    allocated.add(memory);
    return memory;
  }

  @Override
  public void stepAside() {
    onStepAside.run();
  }

  @Override
  public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
    real.pack(type, n, k, source, packed);
  }

  @Override
  public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
    return new FailingPlan(real.prepare(plan, limits, cache), stepsUntilFailure);
  }

  @Override
  public void close() {
    real.close();
  }

  private record FailingPlan(ExecutablePlan real, AtomicInteger stepsUntilFailure)
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
      if (stepsUntilFailure.getAndDecrement() == 0) {
        throw new OutOfMemoryError("made to fail");
      }
      real.run(batch, begin, end);
    }

    @Override
    public MemorySegment data(Buffer buffer) {
      return real.data(buffer);
    }

    @Override
    public void close() {
      real.close();
    }
  }
}

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
import java.util.concurrent.atomic.AtomicInteger;

/** Runs plans, and counts the tokens that run. */
public final class CountingExecutor implements Executor {
  private final AtomicInteger tokens = new AtomicInteger();
  private final Executor real = NativeExecutor.create();

  /** How many tokens have run since this was asked last. */
  public int takeTokens() {
    return tokens.getAndSet(0);
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
  public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
    return new CountingPlan(real.prepare(plan, limits, cache), tokens);
  }

  @Override
  public void close() {
    real.close();
  }

  private record CountingPlan(ExecutablePlan real, AtomicInteger tokens) implements ExecutablePlan {
    @Override
    public Plan plan() {
      return real.plan();
    }

    @Override
    public Limits limits() {
      return real.limits();
    }

    /** Steps begin with the first operation; the search for candidates comes last, by itself. */
    @Override
    public void run(Batch batch, int begin, int end) {
      tokens.addAndGet(begin == 0 ? batch.tokenCount() : 0);
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

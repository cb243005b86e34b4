package dev.vidrio.kernel.java;

import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An executor that divides caches as on several NUMA nodes. */
record PlacingExecutor(Executor executor, int placedNodes) implements Executor {
  @Override
  public String name() {
    return executor.name();
  }

  @Override
  public int workers() {
    return executor.workers();
  }

  @Override
  public MemorySegment allocate(long bytes, Arena arena) {
    return executor.allocate(bytes, arena);
  }

  @Override
  public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
    executor.pack(type, n, k, source, packed);
  }

  @Override
  public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
    return executor.prepare(plan, limits, cache);
  }

  @Override
  public void close() {
    executor.close();
  }
}

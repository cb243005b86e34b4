package dev.vidrio.kernel;

import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An executor that only gives memory, for tests of what lies around executors. */
public final class HeapExecutor implements Executor {
  /** One that gives memory of arenas. */
  public HeapExecutor() {}

  @Override
  public String name() {
    return "memory";
  }

  @Override
  public int workers() {
    return 1;
  }

  @Override
  public MemorySegment allocate(long bytes, Arena arena) {
    return arena.allocate(bytes, 64);
  }

  @Override
  public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}

package dev.vidrio.kernel;

import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An executor that only allocates memory, for tests of classes that need one. */
public final class HeapExecutor implements Executor {
  /** Creates an executor. */
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

package dev.vidrio.fuzz;

import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/** The scalar Java executor with one worker, which counts the bytes that are allocated of it. */
final class MeteredExecutor implements Executor {
  private final Executor executor = JavaExecutor.scalar(1);
  private final AtomicLong bytes = new AtomicLong();

  /** Returns the bytes of arenas that are not closed. */
  long bytes() {
    return bytes.get();
  }

  @Override
  public String name() {
    return executor.name();
  }

  @Override
  public int workers() {
    return executor.workers();
  }

  @Override
  @SuppressWarnings("restricted") // a larger size would be unsafe; this one does not change
  public MemorySegment allocate(long size, Arena arena) {
    MemorySegment memory = executor.allocate(size, arena);
    bytes.addAndGet(size);
    return memory.reinterpret(size, arena, _ -> bytes.addAndGet(-size));
  }

  @Override
  public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
    executor.pack(type, n, k, source, packed);
  }

  @Override
  public boolean multipliesRows() {
    return executor.multipliesRows();
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

package dev.vidrio.model.testfiles;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs plans, fails chosen steps, and counts or denies memory. */
public final class FailingExecutor extends HeldExecutor {
  public final AtomicInteger stepsUntilFailure = new AtomicInteger(Integer.MAX_VALUE);
  public final Queue<MemorySegment> allocated = new ConcurrentLinkedQueue<>();

  /** Number of operations that run before a step fails. */
  public volatile int operationsBeforeFailure;

  public volatile boolean full;
  public volatile Runnable onStepAside = () -> {};

  public FailingExecutor() {}

  @Override
  public MemorySegment allocate(long bytes, Arena arena) {
    if (full) {
      throw new OutOfMemoryError("made to fail");
    }
    MemorySegment memory = super.allocate(bytes, arena);
    allocated.add(memory);
    return memory;
  }

  @Override
  public void lowerPriority() {
    onStepAside.run();
  }

  @Override
  protected void run(ExecutablePlan plan, Batch batch, int begin, int end) {
    if (stepsUntilFailure.getAndDecrement() == 0) {
      onRun(batch, begin, end);
      plan.run(batch, begin, Math.min(begin + operationsBeforeFailure, end));
      throw new OutOfMemoryError("made to fail");
    }
    super.run(plan, batch, begin, end);
  }
}

package dev.vidrio.engine;

import dev.vidrio.kernel.Batch;
import dev.vidrio.model.testfiles.HeldExecutor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs plans, but for steps that are to fail; counts memory, until it is to have none. */
final class FailingExecutor extends HeldExecutor {
  final AtomicInteger stepsUntilFailure = new AtomicInteger(Integer.MAX_VALUE);
  final Queue<MemorySegment> allocated = new ConcurrentLinkedQueue<>();
  volatile boolean full;
  volatile Runnable onStepAside = () -> {};

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
  public void stepAside() {
    onStepAside.run();
  }

  @Override
  protected void onRun(Batch batch, int begin, int end) {
    super.onRun(batch, begin, end);
    if (stepsUntilFailure.getAndDecrement() == 0) {
      throw new OutOfMemoryError("made to fail");
    }
  }
}

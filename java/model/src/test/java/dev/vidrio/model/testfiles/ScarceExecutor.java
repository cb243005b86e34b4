package dev.vidrio.model.testfiles;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** Runs plans natively and denies one allocation of memory, or one preparation of a plan. */
public final class ScarceExecutor extends WatchedExecutor {
  /** The message of the error. */
  public static final String MESSAGE = "denied";

  private final List<MemorySegment> allocated = new ArrayList<>();
  private int plans;
  private int left = Integer.MAX_VALUE;

  public ScarceExecutor() {}

  /** Denies the allocation after a number of others, once. */
  public synchronized void denyAfter(int allocations) {
    left = allocations;
  }

  /** Returns whether an allocation was denied since {@link #denyAfter}. */
  public synchronized boolean hasDenied() {
    return left < 0;
  }

  /** Returns the number of allocations that are not freed, and of plans that are not closed. */
  public synchronized int living() {
    allocated.removeIf(memory -> !memory.scope().isAlive());
    return allocated.size() + plans;
  }

  /**
   * Runs work again and again, and denies each of its allocations in turn, until none is denied.
   * Asserts that a denial ends the work with an {@link OutOfMemoryError} or does not change its
   * result, that no memory is left, and that the work has the usual result afterwards.
   *
   * @return the number of allocations
   */
  public int denyEach(Callable<?> work) throws Exception {
    Object expected = work.call();
    int before = living();
    for (int allocations = 0; ; allocations++) {
      denyAfter(allocations);
      try {
        assertEquals(expected, work.call(), "allocation " + allocations);
      } catch (OutOfMemoryError e) {
        assertEquals(MESSAGE, e.getMessage());
      }
      boolean denied = hasDenied();
      denyAfter(Integer.MAX_VALUE);
      assertEquals(before, living(), "after allocation " + allocations);
      if (!denied) {
        return allocations;
      }
      assertEquals(expected, work.call(), "after allocation " + allocations);
    }
  }

  private synchronized void count() {
    if (left >= 0 && left-- == 0) {
      throw new OutOfMemoryError(MESSAGE);
    }
  }

  @Override
  public MemorySegment allocate(long bytes, Arena arena) {
    count();
    MemorySegment memory = super.allocate(bytes, arena);
    synchronized (this) {
      allocated.add(memory);
    }
    return memory;
  }

  @Override
  public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
    count();
    ExecutablePlan prepared = super.prepare(plan, limits, cache);
    synchronized (this) {
      plans++;
    }
    return prepared;
  }

  @Override
  protected void onClose(ExecutablePlan plan) {
    synchronized (this) {
      plans--;
    }
  }

  @Override
  protected void onRun(Batch batch, int begin, int end) {}
}

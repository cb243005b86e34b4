package dev.vidrio.kernel.execution;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/**
 * A plan and the memory of its activations; a subclass runs the operations. A lock keeps {@link
 * #close} from freeing the memory during a step.
 */
public abstract class PreparedPlan implements ExecutablePlan {
  private final Plan plan;
  private final Limits limits;

  /** The memory of the activations. */
  protected final Workspace workspace;

  private final Arena arena;
  private final ReentrantLock lease = new ReentrantLock();

  /**
   * Allocates the memory of activations.
   *
   * @param executor allocates the memory
   * @param schedule schedule of the plan
   * @param cache the cache that the plan uses
   * @param arena holds the memory, and closes with the plan
   * @throws IllegalArgumentException if the cache has another shape, or the limits exceed a table
   */
  protected PreparedPlan(
      Executor executor, Plan plan, Schedule schedule, Limits limits, KvCache cache, Arena arena) {
    cache.requireShape(plan.kv());
    this.plan = plan;
    this.limits = limits;
    this.workspace = new Workspace(plan, schedule, limits, executor, arena);
    this.arena = arena;
  }

  /**
   * Prepares a plan in an arena of its own, which closes if that fails.
   *
   * @param preparation creates the plan
   * @return the plan
   */
  public static ExecutablePlan prepare(Function<Arena, PreparedPlan> preparation) {
    Arena arena = Arena.ofShared();
    try {
      return preparation.apply(arena);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  @Override
  public final Plan plan() {
    return plan;
  }

  @Override
  public final Limits limits() {
    return limits;
  }

  @Override
  public final MemorySegment data(Buffer buffer) {
    return workspace.segment(buffer);
  }

  @Override
  public final void run(Batch batch, int begin, int end) {
    if (!batch.limits().equals(limits)) {
      throw new IllegalArgumentException(
          "limits of the batch: " + batch.limits() + "; limits of the plan: " + limits);
    }
    lease.lock();
    try {
      if (!arena.scope().isAlive()) {
        throw new IllegalStateException("the plan is closed");
      }
      check(batch);
      workspace.ensurePositions(batch);
      step(batch, begin, end);
    } finally {
      lease.unlock();
    }
  }

  /**
   * Checks a batch, and the memory that the plan does not own.
   *
   * @param batch the batch of the next step
   */
  protected abstract void check(Batch batch);

  /**
   * Runs operations [begin, end).
   *
   * @param batch the batch of the step
   * @param begin first operation
   * @param end operation after the last one
   */
  protected abstract void step(Batch batch, int begin, int end);

  /** Frees what the arena does not. */
  protected void free() {}

  @Override
  public final void close() {
    lease.lock();
    try {
      if (arena.scope().isAlive()) {
        free();
        arena.close();
      }
    } finally {
      lease.unlock();
    }
  }
}

package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.PreparedPlan;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Runs plans in libvidrio: one downcall per step, on a pool of native worker threads. The bits of
 * the results do not depend on the instruction set nor on the number of workers.
 *
 * <p>Thread-safe; steps of different plans run one after the other on the pool.
 *
 * @see "docs/adr/001-foreign-function-boundary.md"
 * @see "docs/adr/016-waiting-workers.md"
 * @see "docs/adr/030-topology.md"
 */
public final class NativeExecutor implements Executor {
  /** Maximum bytes of released memory that are cached. */
  private static final long CACHED_BYTES = 512L << 20;

  /**
   * The environment variable that, if 0, leaves workers unbound. Otherwise each is bound to a core
   * if the process may use whole nodes.
   */
  public static final String PIN_VARIABLE = "VIDRIO_PIN";

  private final Isa isa;
  private final int workers;
  private final MemorySegment pool;
  private final boolean pinned;
  private final MemoryPool memory = new MemoryPool(CACHED_BYTES);

  /** Held for reading while the pool is in use, so that {@link #close} waits. */
  private final ReentrantReadWriteLock lease = new ReentrantReadWriteLock();

  private boolean closed;

  private NativeExecutor(Isa isa, int workers) {
    this.isa = isa;
    this.workers = workers;
    boolean pins = mayPin(System.getenv(PIN_VARIABLE));
    try (Arena local = Arena.ofConfined()) {
      MemorySegment result = local.allocate(ADDRESS);
      Status.check(Vidrio.vd_pool_create(workers, result), "a pool of " + workers + " workers");
      this.pool = result.get(ADDRESS, 0);
    }
    this.pinned = pins && Vidrio.vd_pool_pin(pool) == Vidrio.VD_OK();
  }

  private static boolean mayPin(@Nullable String variable) {
    return switch (variable) {
      case null -> true;
      case "", "1" -> true;
      case "0" -> false;
      default ->
          throw new IllegalArgumentException(PIN_VARIABLE + "=" + variable + ": must be 0 or 1");
    };
  }

  /**
   * Creates an executor with the best usable instruction set, or that which {@code VIDRIO_ISA}
   * names, and the default number of workers.
   *
   * @throws NativeException if libvidrio cannot be loaded
   */
  public static NativeExecutor create() {
    NativeLibrary.load(); // Before Isa, whose initialization would wrap its errors.
    return create(Isa.pick(), defaultWorkers());
  }

  /**
   * Creates an executor with an instruction set and a number of workers.
   *
   * @param workers 1 to 1024
   * @throws IllegalArgumentException if the instruction set is not usable
   */
  public static NativeExecutor create(Isa isa, int workers) {
    if (!isa.usable()) {
      throw new IllegalArgumentException("instruction set " + isa.label() + " is not usable");
    }
    if (workers < 1 || workers > WorkerCount.MAX) {
      throw new IllegalArgumentException(
          workers + " workers: must be between 1 and " + WorkerCount.MAX);
    }
    return new NativeExecutor(isa, workers);
  }

  /**
   * Returns the default number of workers.
   *
   * @throws IllegalArgumentException if {@code VIDRIO_THREADS} is not a number from 1 to 1024
   * @see WorkerCount#choose
   */
  public static int defaultWorkers() {
    return WorkerCount.choose().count();
  }

  @Override
  public String name() {
    return "native " + isa.label();
  }

  /** Returns the instruction set. */
  public Isa isa() {
    return isa;
  }

  @Override
  public int workers() {
    return workers;
  }

  /**
   * Returns whether each worker except the calling thread is bound to a core. This requires a
   * worker for each fast core, more than one last-level cache, and a process that may use whole
   * nodes.
   */
  public boolean pinned() {
    return pinned;
  }

  @Override
  public boolean multipliesRows() {
    return true;
  }

  /**
   * Calls native code on the pool.
   *
   * @param what the activity, for errors
   * @throws IllegalStateException after {@link #close}
   */
  void call(String what, ToIntFunction<MemorySegment> function) {
    lease.readLock().lock();
    try {
      if (closed) {
        throw new IllegalStateException("the executor is closed");
      }
      Status.check(function.applyAsInt(pool), what);
    } finally {
      lease.readLock().unlock();
    }
  }

  @Override
  public void lowerPriority() {
    call("lowering the priority of workers", Vidrio::vd_pool_lower_priority);
  }

  @Override
  public MemorySegment allocate(long bytes, Arena arena) {
    return NativeMemory.allocate(bytes, arena);
  }

  @Override
  public MemorySegment allocateUncleared(long bytes, Arena arena) {
    return memory.allocate(bytes, arena);
  }

  @Override
  public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
    if (packed.byteSize() != Packing.bytes(type, n, k)
        || source.byteSize() != Math.multiplyExact((long) n, type.bytes(k))) {
      throw new IllegalArgumentException("sizes do not match [" + n + ", " + k + "] of " + type);
    }
    int groups = Packing.groups(n);
    call(
        "packing weights",
        workers -> Vidrio.vd_pack(workers, type.id(), n, k, source, packed, 0, groups));
  }

  @Override
  public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
    return prepare(plan, Schedule.fused(plan), limits, cache);
  }

  /** Prepares a plan with a schedule of it; results do not depend on the schedule. */
  public ExecutablePlan prepare(Plan plan, Schedule schedule, Limits limits, KvCache cache) {
    return PreparedPlan.prepare(
        arena -> new NativePlan(this, plan, schedule, limits, cache, arena));
  }

  /** Stops the workers after the running step. Open plans can no longer run. */
  @Override
  public void close() {
    lease.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        Vidrio.vd_pool_free(pool);
        memory.close();
      }
    } finally {
      lease.writeLock().unlock();
    }
  }
}

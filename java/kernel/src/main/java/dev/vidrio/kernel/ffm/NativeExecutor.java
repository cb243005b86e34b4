package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.ToIntFunction;

/** Runs plans in libvidrio: one downcall per step, on a pool of native workers. */
public final class NativeExecutor implements Executor {
  /** Bytes that it keeps of memory that plans and their like have let go, at most. */
  private static final long KEPT_BYTES = 512L << 20;

  private final Isa isa;
  private final int workers;
  private final MemorySegment pool;
  private final MemoryPool memory = new MemoryPool(KEPT_BYTES);

  /** Read by whoever uses the pool, so that {@link #close} waits, and written by this. */
  private final ReentrantReadWriteLock lease = new ReentrantReadWriteLock();

  private boolean closed;

  private NativeExecutor(Isa isa, int workers) {
    this.isa = isa;
    this.workers = workers;
    try (Arena local = Arena.ofConfined()) {
      MemorySegment result = local.allocate(ADDRESS);
      Status.check(Vidrio.vd_pool_create(workers, result), "a pool of " + workers + " workers");
      this.pool = result.get(ADDRESS, 0);
    }
  }

  /**
   * An executor with the best instructions that are usable here (or that {@code VIDRIO_ISA} names)
   * and a worker per physical core.
   *
   * @throws NativeException when libvidrio cannot be loaded
   */
  public static NativeExecutor create() {
    NativeLibrary.load(); // Before Isa, which would hide its errors in those of a class.
    return create(Isa.pick(), defaultWorkers());
  }

  /**
   * An executor with certain instructions and workers.
   *
   * @param workers 1 to 1024
   * @throws IllegalArgumentException when the instructions are not usable here
   */
  public static NativeExecutor create(Isa isa, int workers) {
    if (!isa.usable()) {
      throw new IllegalArgumentException(isa.label() + " is not usable here");
    }
    if (workers < 1 || workers > 1024) {
      throw new IllegalArgumentException(workers + " workers: not 1 to 1024");
    }
    return new NativeExecutor(isa, workers);
  }

  /**
   * One worker per physical core that affinity and cgroup leave to this process, and no more than
   * Java counts processors ({@code -XX:ActiveProcessorCount}).
   */
  public static int defaultWorkers() {
    NativeLibrary.load();
    return Math.min(Vidrio.vd_default_workers(), Runtime.getRuntime().availableProcessors());
  }

  @Override
  public String name() {
    return "native " + isa.label();
  }

  /** The instructions it runs. */
  public Isa isa() {
    return isa;
  }

  @Override
  public int workers() {
    return workers;
  }

  @Override
  public boolean hasFastProducts() {
    return true;
  }

  /**
   * Calls native code on the pool.
   *
   * @param what is done, for errors
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
  public void stepAside() {
    call("stepping aside", Vidrio::vd_pool_lower_priority);
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
      throw new IllegalArgumentException("sizes do not fit [" + n + ", " + k + "] of " + type);
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

  /** Makes a plan ready to run as a schedule of it says: the results are the same for each. */
  public ExecutablePlan prepare(Plan plan, Schedule schedule, Limits limits, KvCache cache) {
    return new NativePlan(this, plan, schedule, limits, cache);
  }

  /** Ends the workers, after a step that is under way. Plans that are open can no longer run. */
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

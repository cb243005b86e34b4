package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Placement;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.PreparedPlan;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.execution.StepBalance;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.IntSupplier;
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
 * @see "docs/adr/031-placement.md"
 */
public final class NativeExecutor implements Executor {
  /** Maximum bytes of released memory that are cached. */
  private static final long CACHED_BYTES = 512L << 20;

  /** Bytes that are placed to find out whether the system allows it: pages of all nodes. */
  private static final long TRIAL_BYTES = 8L << 20;

  /** The maximum tokens of a step that decodes, and of one that {@link #balance} divides. */
  public static final int FEW_TOKENS = 16;

  /** The maximum number of NUMA nodes that memory is divided among. */
  public static final int MAX_NODES = 64;

  /**
   * The environment variable that, if 0, leaves workers unbound. Otherwise each is bound to a core
   * if the process may use whole nodes.
   */
  public static final String PIN_VARIABLE = "VIDRIO_PIN";

  private static final System.Logger LOG = System.getLogger("dev.vidrio.kernel");

  private final Isa isa;
  private final int workers;
  private final MemorySegment pool;

  /** The workers of steps that decode: a smaller pool, or the pool itself. */
  private final MemorySegment decodePool;

  private final int decodeWorkers;

  /** Keeps the two pools from running at once. */
  private final ReentrantLock running = new ReentrantLock();

  private final boolean pinned;

  /** The number of NUMA nodes that the workers are meant for. */
  private final int nodes;

  private final WeightPlacement placement;

  /** True after a failure to place memory has been logged. */
  private final AtomicBoolean misplaced = new AtomicBoolean();

  private final MemoryPool memory = new MemoryPool(CACHED_BYTES);

  /** Held for reading while the pool is in use, so that {@link #close} waits. */
  private final ReentrantReadWriteLock lease = new ReentrantReadWriteLock();

  /** True after a pool has read after the end of a file, which the other one cannot notice. */
  private volatile boolean truncated;

  private boolean closed;

  private NativeExecutor(Isa isa, int workers, int decodeWorkers) {
    this.isa = isa;
    this.workers = workers;
    this.decodeWorkers = decodeWorkers;
    boolean pins = mayPin(System.getenv(PIN_VARIABLE));
    this.pool = createPool(workers);
    try {
      this.decodePool = decodeWorkers == workers ? pool : createPart(pool, decodeWorkers);
    } catch (Throwable e) {
      Vidrio.vd_pool_free(pool);
      throw e;
    }
    this.pinned = pins && Vidrio.vd_pool_pin(pool) == Vidrio.VD_OK();
    if (pinned && decodeWorkers != workers) {
      var _ = Vidrio.vd_pool_pin(decodePool); // succeeds as it did for the whole pool
    }
    this.nodes = Vidrio.vd_pool_nodes(pool);
    this.placement = findPlacement();
  }

  private WeightPlacement findPlacement() {
    if (nodes == 1) {
      return WeightPlacement.ONE_NODE;
    }
    if (!pinned) {
      return WeightPlacement.UNPINNED;
    }
    MemorySegment trial = NativeMemory.allocate(TRIAL_BYTES);
    try {
      int status = Vidrio.vd_place(pool, Vidrio.VD_PLACE_SLICES(), trial, TRIAL_BYTES);
      if (status == Vidrio.VD_OK()) {
        return WeightPlacement.BY_NODE;
      }
      LOG.log(Level.WARNING, "weights are not placed on NUMA nodes: {0}", Status.name(status));
      return WeightPlacement.REFUSED;
    } finally {
      NativeMemory.free(trial);
    }
  }

  private static MemorySegment createPool(int workers) {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment result = local.allocate(ADDRESS);
      Status.check(Vidrio.vd_pool_create(workers, result), "a pool of " + workers + " workers");
      return result.get(ADDRESS, 0);
    }
  }

  /** Creates a pool of fewer workers, spread over the processors of another one's. */
  private static MemorySegment createPart(MemorySegment whole, int workers) {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment result = local.allocate(ADDRESS);
      Status.check(
          Vidrio.vd_pool_create_part(whole, workers, result), "a pool of " + workers + " workers");
      return result.get(ADDRESS, 0);
    }
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
   * names, and the default numbers of workers.
   *
   * @throws NativeException if libvidrio cannot be loaded
   */
  public static NativeExecutor create() {
    NativeLibrary.load(); // Before the initialization of Isa, which would wrap its errors.
    return create(Isa.pick(), defaultWorkers());
  }

  /**
   * Creates an executor with an instruction set and a number of workers. Steps of at most 16 tokens
   * run on all of them, or on fast cores only if the machine has cores of several kinds.
   *
   * @param workers 1 to 1024
   * @throws IllegalArgumentException if the instruction set is not usable
   */
  public static NativeExecutor create(Isa isa, int workers) {
    return create(isa, workers, WorkerCount.decodeCount(workers, Topology.read()));
  }

  /**
   * Creates an executor that decodes with fewer workers: steps of at most 16 tokens run on a pool
   * of their own, while the workers of longer steps sleep. Decoding reads all weights for a few
   * tokens, and stops gaining from workers where they saturate the memory bandwidth.
   *
   * @param workers workers of longer steps, 1 to 1024
   * @param decodeWorkers 1 to {@code workers}
   * @throws IllegalArgumentException if the instruction set is not usable
   */
  public static NativeExecutor create(Isa isa, int workers, int decodeWorkers) {
    check(isa, workers);
    if (decodeWorkers < 1 || decodeWorkers > workers) {
      throw new IllegalArgumentException(
          decodeWorkers + " workers that decode: must be between 1 and " + workers);
    }
    return new NativeExecutor(isa, workers, decodeWorkers);
  }

  private static void check(Isa isa, int workers) {
    if (!isa.usable()) {
      throw new IllegalArgumentException("instruction set " + isa.label() + " is not usable");
    }
    if (workers < 1 || workers > WorkerCount.MAX) {
      throw new IllegalArgumentException(
          workers + " workers: must be between 1 and " + WorkerCount.MAX);
    }
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
   * Returns whether each worker except the calling thread is bound to a core, or to the cores of
   * its kind and node. The former requires a worker for each core, more than one last-level cache,
   * and a process that may use whole nodes; the latter cores of several kinds.
   */
  public boolean pinned() {
    return pinned;
  }

  /** Returns the number of NUMA nodes that the workers are meant for. */
  public int nodes() {
    return nodes;
  }

  /** Returns why packed weights are, or are not, on the nodes of the workers that read them. */
  public WeightPlacement placement() {
    return placement;
  }

  @Override
  public boolean multipliesRows() {
    return true;
  }

  /** Returns the number of workers of steps of at most 16 tokens. */
  public int decodeWorkers() {
    return decodeWorkers;
  }

  /** Runs a step of a number of tokens on the workers for it. */
  void step(String what, int tokens, ToIntFunction<MemorySegment> function) {
    call(what, _ -> function.applyAsInt(tokens <= FEW_TOKENS ? decodePool : pool));
  }

  /**
   * Calls native code on the pool of steps that decode.
   *
   * @param what the activity, for errors
   * @throws IllegalStateException after {@link #close}
   */
  void callDecoders(String what, ToIntFunction<MemorySegment> function) {
    call(what, _ -> function.applyAsInt(decodePool));
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
      requireOpen();
      boolean pools = decodeWorkers != workers;
      if (pools) {
        running.lock();
      }
      try {
        int status = truncated ? Vidrio.VD_TRUNCATED() : function.applyAsInt(pool);
        truncated |= status == Vidrio.VD_TRUNCATED();
        Status.check(status, what);
      } finally {
        if (pools) {
          running.unlock();
        }
      }
    } finally {
      lease.readLock().unlock();
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the executor is closed");
    }
  }

  @Override
  public void lowerPriority() {
    call("lowering the priority of workers", Vidrio::vd_pool_lower_priority);
    call("lowering the priority of workers", _ -> Vidrio.vd_pool_lower_priority(decodePool));
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
  public long availableMemory() {
    return Vidrio.vd_available_memory();
  }

  @Override
  public void place(MemorySegment segment, Placement how) {
    int kind =
        switch (how) {
          case SLICES -> Vidrio.VD_PLACE_SLICES();
          case INTERLEAVED -> Vidrio.VD_PLACE_INTERLEAVED();
        };
    place(() -> Vidrio.vd_place(pool, kind, segment, segment.byteSize()));
  }

  @Override
  public int placedNodes() {
    return placement == WeightPlacement.BY_NODE ? nodes : 1;
  }

  @Override
  public void placeGroup(MemorySegment segment, int group, int groups) {
    place(() -> Vidrio.vd_place_group(pool, group, groups, segment, segment.byteSize()));
  }

  private void place(IntSupplier placing) {
    if (placement != WeightPlacement.BY_NODE) {
      return;
    }
    lease.readLock().lock();
    try {
      requireOpen();
      int status = placing.getAsInt();
      if (status != Vidrio.VD_OK() && misplaced.compareAndSet(false, true)) {
        LOG.log(Level.WARNING, "some memory is not placed on NUMA nodes: {0}", Status.name(status));
      }
    } finally {
      lease.readLock().unlock();
    }
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

  /**
   * Returns how the matrix products of a step of a plan would be divided.
   *
   * @param plan a plan that a native executor has prepared
   * @param tokens tokens of the step, with logits of each; 1 to 16
   * @param workers the number of workers, which may differ from the executor's
   * @param nodes the number of NUMA nodes that the workers are on, evenly; 1 to 64, and at most
   *     {@code workers}
   * @throws IllegalArgumentException if the number of tokens, workers or nodes is out of range, or
   *     another executor has prepared the plan
   */
  public static StepBalance balance(ExecutablePlan plan, int tokens, int workers, int nodes) {
    if (tokens < 1 || tokens > FEW_TOKENS || workers < 1) {
      throw new IllegalArgumentException(
          tokens + " tokens, " + workers + " workers: must be 1 to 16, and positive");
    }
    if (nodes < 1 || nodes > Math.min(workers, MAX_NODES)) {
      throw new IllegalArgumentException(
          nodes + " nodes: must be between 1 and " + Math.min(workers, MAX_NODES));
    }
    if (plan instanceof NativePlan prepared) {
      return prepared.balance(tokens, workers, nodes);
    }
    throw new IllegalArgumentException("the plan is not one of a native executor");
  }

  /** Stops the workers after the running step. Open plans can no longer run. */
  @Override
  public void close() {
    lease.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        Vidrio.vd_pool_free(pool);
        if (decodeWorkers != workers) {
          Vidrio.vd_pool_free(decodePool);
        }
        memory.close();
      }
    } finally {
      lease.writeLock().unlock();
    }
  }
}

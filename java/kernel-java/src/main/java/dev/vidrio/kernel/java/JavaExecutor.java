package dev.vidrio.kernel.java;

import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.PreparedPlan;
import dev.vidrio.kernel.java.memory.Packer;
import dev.vidrio.kernel.java.runtime.Share;
import dev.vidrio.kernel.java.runtime.Team;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.vector.VectorKernels;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Runs plans in Java, with the bits of the native executor. It serves as the readable reference and
 * for comparison; it is never a fallback. One plan runs at a time; others wait.
 *
 * <p>With more than one worker, threads of the executor access weights, cache and batch, so the
 * arenas of all three must not be confined.
 */
public final class JavaExecutor implements Executor {
  private static final int MAX_WORKERS = 1024;
  private static final long ALIGNMENT = 64;

  private final String name;
  private final Team team;
  private final List<Worker> workers = new ArrayList<>();

  private JavaExecutor(String name, int workers, Supplier<ScalarKernels> kernels) {
    if (workers < 1 || workers > MAX_WORKERS) {
      throw new IllegalArgumentException(
          workers + " workers: must be between 1 and " + MAX_WORKERS);
    }
    this.name = name;
    for (int i = 0; i < workers; i++) {
      this.workers.add(new Worker(kernels.get(), new Share(i, workers)));
    }
    this.team = new Team(workers);
  }

  /**
   * Creates an executor with scalar code that reads like docs/numerics.md, the definition of every
   * operation.
   *
   * @param workers number of workers, the calling thread included, 1 to 1024
   */
  public static JavaExecutor scalar(int workers) {
    return new JavaExecutor("scalar", workers, ScalarKernels::new);
  }

  /**
   * Creates an executor that uses the Vector API, with the preferred vector size of the processor.
   * The JVM needs {@code --add-modules=jdk.incubator.vector}.
   *
   * @param workers number of workers, the calling thread included, 1 to 1024
   * @throws UnsupportedOperationException if the JVM runs without the Vector API
   */
  public static JavaExecutor vector(int workers) {
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      throw new UnsupportedOperationException(
          "the vector executor requires the JVM option --add-modules=jdk.incubator.vector");
    }
    return new JavaExecutor("vector", workers, VectorKernels::new);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int workers() {
    return workers.size();
  }

  @Override
  public MemorySegment allocate(long bytes, Arena arena) {
    return arena.allocate(bytes, ALIGNMENT);
  }

  @Override
  public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
    var packer = new Packer(type, n, k, source, packed);
    int groups = Packing.groups(n);
    team.walk(
        (i, worker) -> {
          Share share = workers.get(worker).share;
          packer.pack(share.begin(groups), share.end(groups));
        },
        0,
        1);
  }

  @Override
  public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
    return PreparedPlan.prepare(arena -> new JavaExecutablePlan(this, plan, limits, cache, arena));
  }

  Team team() {
    return team;
  }

  /** The kernels and the share of a worker. */
  record Worker(ScalarKernels kernels, Share share) {}

  Worker worker(int i) {
    return workers.get(i);
  }

  /** Stops the workers after the running step. */
  @Override
  public void close() {
    team.close();
  }
}

package dev.vidrio.kernel;

import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Runs plans: in native code, or in Java with the Vector API or scalar code. All executors give
 * equal bits (docs/numerics.md).
 *
 * <p>An executor owns worker threads and allocates the memory that plans use. {@link #prepare}
 * binds a plan to a cache and to memory for its activations; the {@link ExecutablePlan} then runs
 * one step after another. Plans and memory must not be used after the executor is closed. Executors
 * are thread-safe; the plans that they prepare are not.
 *
 * @see Plan
 * @see "docs/adr/002-plan-and-executor.md"
 * @see "docs/adr/003-portable-bits.md"
 */
public interface Executor extends AutoCloseable {
  /** Returns a name for display: {@code native avx2}, {@code vector}, {@code scalar}. */
  String name();

  /** Returns the number of workers. */
  int workers();

  /**
   * Allocates zeroed memory, aligned to 64 bytes, for the lifetime of the arena.
   *
   * @throws OutOfMemoryError if there is not enough memory
   */
  MemorySegment allocate(long bytes, Arena arena);

  /**
   * Allocates memory with arbitrary contents, aligned to 64 bytes, for the lifetime of the arena.
   * It may reuse memory of a closed arena, which is cheaper than obtaining pages from the system.
   *
   * @throws OutOfMemoryError if there is not enough memory
   */
  default MemorySegment allocateUncleared(long bytes, Arena arena) {
    return allocate(bytes, arena);
  }

  /**
   * Returns the bytes that can be allocated and used before the system ends a process for lack of
   * memory, pages of cached files included; {@link Long#MAX_VALUE} if unknown.
   */
  default long availableMemory() {
    return Long.MAX_VALUE;
  }

  /**
   * Determines on which NUMA nodes memory of {@link #allocate} will be that nothing has been
   * written to. It has no effect if all workers are on one node, and on executors without
   * placement.
   */
  default void place(MemorySegment memory, Placement placement) {}

  /** Returns the number of NUMA nodes that memory is placed on; 1 if it is not placed. */
  default int placedNodes() {
    return 1;
  }

  /**
   * Places memory like {@link #place}, page by page on the nodes of one of several groups of nodes.
   *
   * @param group the number of the group
   * @param groups a divisor of {@link #placedNodes}
   */
  default void placeGroup(MemorySegment memory, int group, int groups) {}

  /**
   * Packs a quantized matrix, in parallel on all workers.
   *
   * @param source [n, k] in GGUF's layout
   * @param packed receives the packed matrix, of {@link Packing#bytes} bytes
   */
  void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed);

  /**
   * Returns whether products accept quantized matrices in the layout of the file, of a size that
   * {@link Packing#fitsScratch} allows.
   */
  default boolean multipliesRows() {
    return false;
  }

  /**
   * Lowers the scheduling priority of the workers and of the calling thread, so that a service
   * remains responsive while steps run on all cores. It has no effect on platforms without thread
   * priorities.
   */
  default void lowerPriority() {}

  /**
   * Prepares a plan to run within the limits, over the cache.
   *
   * @throws IllegalArgumentException if the executor does not support the plan, or the cache has
   *     another shape
   * @throws OutOfMemoryError if there is not enough memory for the activations
   */
  ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache);

  /** Stops the workers. */
  @Override
  void close();
}

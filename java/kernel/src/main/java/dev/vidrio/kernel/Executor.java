package dev.vidrio.kernel;

import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Runs plans: in native code, or in Java with the Vector API or plain scalars. All give the same
 * bits. An executor owns its workers; its plans and memory must not outlive it.
 */
public interface Executor extends AutoCloseable {
  /** What runs, for people: {@code native avx2}, {@code vector}, {@code scalar}. */
  String name();

  /** Number of workers. */
  int workers();

  /**
   * Zeroed memory, 64-byte aligned, that lives as long as the arena.
   *
   * @throws OutOfMemoryError when there is none
   */
  MemorySegment allocate(long bytes, Arena arena);

  /**
   * The same with anything in it, for what is written before it is read: it may be memory of an
   * arena that has closed, which need not be got from the system again.
   *
   * @throws OutOfMemoryError when there is none
   */
  default MemorySegment allocateUncleared(long bytes, Arena arena) {
    return allocate(bytes, arena);
  }

  /**
   * Packs a quantized matrix on all workers.
   *
   * @param source [n, k] in GGUF's layout
   * @param packed receives {@link Packing#bytes} bytes
   */
  void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed);

  /** Whether it runs plans whose products may leave the promise of equal bits. */
  default boolean hasFastProducts() {
    return false;
  }

  /**
   * From now on the workers, and the calling thread with them, let other threads go first where
   * there are not enough cores for all, so that a service answers while steps run; where threads
   * have no such priorities, nothing changes.
   */
  default void stepAside() {}

  /** Makes a plan ready to run within the limits, over the cache. */
  ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache);

  /** Ends the workers. */
  @Override
  void close();
}

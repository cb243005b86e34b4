package dev.vidrio.kernel;

import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.MemorySegment;

/**
 * A plan that is bound to a cache and to memory for its activations, ready to run. Not thread-safe:
 * steps run one at a time.
 */
public interface ExecutablePlan extends AutoCloseable {
  /** Returns the plan. */
  Plan plan();

  /** Returns the sizes that it supports. */
  Limits limits();

  /** Runs the whole plan for the batch. */
  default void run(Batch batch) {
    run(batch, 0, plan().ops().size());
  }

  /**
   * Runs operations [begin, end).
   *
   * @throws IllegalArgumentException if the batch has other limits than the plan
   * @throws IllegalStateException after {@link #close}
   */
  void run(Batch batch, int begin, int end);

  /**
   * Returns the f32 values of an activation, [capacity of rows, width]. The memory of activations
   * is reused within a step; only {@linkplain Plan#outputs outputs} keep their values until the
   * next step.
   */
  MemorySegment data(Buffer buffer);

  /** Frees the memory of the activations. */
  @Override
  void close();
}

package dev.vidrio.kernel;

import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.MemorySegment;

/** A plan with memory for its activations, ready to run. Not thread-safe: one step at a time. */
public interface ExecutablePlan extends AutoCloseable {
  /** What it runs. */
  Plan plan();

  /** What it has room for. */
  Limits limits();

  /** Runs the whole plan for the batch. */
  default void run(Batch batch) {
    run(batch, 0, plan().ops().size());
  }

  /**
   * Runs operations [begin, end).
   *
   * @throws IllegalArgumentException when the batch has other limits than the plan
   * @throws IllegalStateException after {@link #close}
   */
  void run(Batch batch, int begin, int end);

  /**
   * The f32 values of an activation, [room for rows, width]. Memory of activations is reused within
   * a step: only {@link Plan#outputs outputs} keep their values until the next one.
   */
  MemorySegment data(Buffer buffer);

  /** Frees the activations. */
  @Override
  void close();
}

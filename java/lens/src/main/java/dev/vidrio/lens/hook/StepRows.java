package dev.vidrio.lens.hook;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.model.session.Sequence;
import java.lang.foreign.MemorySegment;

/**
 * The rows of an activation in the middle of a step: one per token or, at points after the last
 * block, one per token that requests logits. Valid until the {@link Hook} that received it returns.
 */
public interface StepRows {
  /** Returns the hook point. */
  HookPoint point();

  /** Returns the number of rows. */
  int size();

  /** Returns the sequence of row i. */
  Sequence sequence(int i);

  /** Returns the position of row i in its sequence. */
  int position(int i);

  /** Returns the f32 elements of row i, for reading and writing. */
  MemorySegment row(int i);
}

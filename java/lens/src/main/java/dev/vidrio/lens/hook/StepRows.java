package dev.vidrio.lens.hook;

import dev.vidrio.model.session.Sequence;
import java.lang.foreign.MemorySegment;

/**
 * An activation in the middle of a step: a row per token, or at points after the last block per
 * token that asked for logits. Valid until the {@link Hook} that received it returns.
 */
public interface StepRows {
  /** Where the pass has stopped. */
  HookPoint point();

  /** Number of rows. */
  int size();

  /** The sequence that row i belongs to. */
  Sequence sequence(int i);

  /** The position in its sequence that row i belongs to. */
  int position(int i);

  /** The f32 elements of row i, to read and to write. */
  MemorySegment row(int i);
}

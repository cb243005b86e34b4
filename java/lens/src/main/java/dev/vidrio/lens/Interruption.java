package dev.vidrio.lens;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import java.util.concurrent.CancellationException;

/**
 * Cancels work by thread interruption. A thread checks before each forward pass, which runs to its
 * end; gradients, which run all tokens in one pass, are also checked within it.
 */
public final class Interruption {
  /** Operations between two checks. */
  private static final int OPERATIONS = 64;

  private Interruption() {}

  /**
   * Runs operations [begin, end) of a plan with checks in between.
   *
   * @throws CancellationException if this thread is interrupted
   */
  public static void run(ExecutablePlan plan, Batch batch, int begin, int end) {
    for (int from = begin; from < end; from += OPERATIONS) {
      check();
      plan.run(batch, from, Math.min(end, from + OPERATIONS));
    }
  }

  /**
   * Checks whether this thread is interrupted, without clearing the interrupt.
   *
   * @throws CancellationException if it is
   */
  public static void check() {
    if (Thread.currentThread().isInterrupted()) {
      throw new CancellationException("interrupted before a pass");
    }
  }
}

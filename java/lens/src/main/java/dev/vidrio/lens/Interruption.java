package dev.vidrio.lens;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import java.util.concurrent.CancellationException;

/**
 * Lets go of work that nobody waits for any more. Its thread is interrupted, and looks here before
 * each pass: one that has begun runs to its end, but for those of gradients, which take all tokens
 * at once.
 */
final class Interruption {
  /** Operations between two looks. */
  private static final int OPERATIONS = 64;

  private Interruption() {}

  /**
   * Runs operations [begin, end) of a plan, and looks before some of them.
   *
   * @throws CancellationException when this thread is interrupted
   */
  static void run(ExecutablePlan plan, Batch batch, int begin, int end) {
    for (int from = begin; from < end; from += OPERATIONS) {
      check();
      plan.run(batch, from, Math.min(end, from + OPERATIONS));
    }
  }

  /**
   * Looks whether this thread is interrupted, and leaves it so.
   *
   * @throws CancellationException when it is
   */
  static void check() {
    if (Thread.currentThread().isInterrupted()) {
      throw new CancellationException("interrupted before a pass");
    }
  }
}

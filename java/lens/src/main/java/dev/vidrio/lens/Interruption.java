package dev.vidrio.lens;

import java.util.concurrent.CancellationException;

/**
 * Lets go of work that nobody waits for any more. Its thread is interrupted, and looks here before
 * each pass: one that has begun runs to its end.
 */
final class Interruption {
  private Interruption() {}

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

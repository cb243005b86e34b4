package dev.vidrio.lens.hook;

/**
 * A callback in the middle of a forward pass: the pass stops at a hook point and continues with the
 * values that the callback leaves there. An equivalent {@link Intervention} is faster, since it
 * runs on the worker threads.
 *
 * {@snippet file="LensExamplesTest.java" region="hook"}
 */
@FunctionalInterface
public interface Hook {
  /**
   * Reads and changes the rows of a step. If it throws, the step fails and its sequences are
   * restored.
   */
  void at(StepRows rows);
}

package dev.vidrio.lens.hook;

/**
 * Code of the caller in the middle of a forward pass: the pass stops at a point, and goes on with
 * what the code leaves there. Where an {@link Edit} does the same it is faster, since it runs on
 * the workers.
 *
 * {@snippet file="LensExamplesTest.java" region="hook"}
 */
@FunctionalInterface
public interface Hook {
  /** Reads and changes the rows of a step. What it throws ends the step, which leaves no trace. */
  void at(StepRows rows);
}

package dev.vidrio.lens.hook;

/**
 * The caller's code in the middle of a forward pass: the pass stops at a point and continues with
 * what the code leaves there. An {@link Intervention} that does the same is faster, since it runs
 * on the workers.
 *
 * {@snippet file="LensExamplesTest.java" region="hook"}
 */
@FunctionalInterface
public interface Hook {
  /** Reads and changes the rows of a step. What it throws ends the step, which leaves no trace. */
  void at(StepRows rows);
}

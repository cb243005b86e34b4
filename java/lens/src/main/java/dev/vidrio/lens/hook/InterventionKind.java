package dev.vidrio.lens.hook;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.EditKind;

/** The change that an {@link Intervention} makes to the selected elements x. */
public sealed interface InterventionKind {
  /** Sets x to 0. */
  record Zero() implements InterventionKind {}

  /**
   * Sets x to its value at the same position of another run.
   *
   * @param from the position of row 0 of the activation
   */
  record Patch(Activation source, int from) implements InterventionKind {}

  /**
   * Computes x by the arithmetic of the kernels.
   *
   * @param edit values are one row of the selected columns for all positions, or one row per
   *     position; they are copied off-heap when the edit is set
   */
  record Edit(EditKind edit) implements InterventionKind {
    /** Checks the numbers. */
    public Edit {
      switch (edit) {
        case EditKind.Add add -> requireFinite("strength", add.strength());
        case EditKind.Scale scale -> requireFinite("factor", scale.factor());
        case EditKind.Clamp clamp when !(clamp.min() <= clamp.max()) ->
            throw new InvalidInputException(
                "bounds",
                clamp.min() + " to " + clamp.max(),
                "the lower must not exceed the upper");
        default -> {}
      }
    }

    private static void requireFinite(String what, float value) {
      if (!Float.isFinite(value)) {
        throw new InvalidInputException(what, Float.toString(value), "must be finite");
      }
    }
  }
}

package dev.vidrio.lens.hook;

import dev.vidrio.error.InvalidInputException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The change that an {@link Intervention} makes to the selected elements x. Values are f32: one row
 * of the selected columns for all positions, or one row per position. docs/numerics.md defines the
 * arithmetic.
 *
 * @see dev.vidrio.kernel.hook.EditKind
 */
public sealed interface InterventionKind {
  /** Sets x to 0. */
  record Zero() implements InterventionKind {}

  /** Sets x to the values. */
  record Set(MemorySegment values) implements InterventionKind {}

  /**
   * Sets x to its value at the same position of another run.
   *
   * @param from the position of row 0 of the activation
   */
  record Patch(Activation source, int from) implements InterventionKind {}

  /** Sets x to {@code x + strength · values}. A strength of 0 leaves all bits unchanged. */
  record Add(float strength, MemorySegment values) implements InterventionKind {
    public Add {
      requireFinite("strength", strength);
    }
  }

  /** Sets x to {@code factor · x}. */
  record Scale(float factor) implements InterventionKind {
    public Scale {
      requireFinite("factor", factor);
    }
  }

  /** Clamps x to [least, most]; an infinite bound has no effect. */
  record Clamp(float least, float most) implements InterventionKind {
    public Clamp {
      if (!(least <= most)) {
        throw new InvalidInputException(
            "bounds", least + " to " + most, "the lower must not exceed the upper");
      }
    }
  }

  /**
   * Replaces the component of x in the span of a basis with rows r by that of the values: {@code x
   * + Σ ((values − x) · r) r}.
   *
   * @param basis orthonormal rows [k, columns]
   * @param values null for zeros, which projects the span out
   */
  record Subspace(MemorySegment basis, @Nullable MemorySegment values)
      implements InterventionKind {}

  private static void requireFinite(String what, float value) {
    if (!Float.isFinite(value)) {
      throw new InvalidInputException(what, Float.toString(value), "must be finite");
    }
  }
}

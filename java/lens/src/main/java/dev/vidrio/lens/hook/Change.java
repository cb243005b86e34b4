package dev.vidrio.lens.hook;

import dev.vidrio.error.InvalidInputException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What an {@link Edit} does to the elements x it covers. Values are f32: one row, as wide as the
 * edit's columns, for all positions, or one for each. docs/numerics.md defines the arithmetic.
 */
public sealed interface Change {
  /** x becomes 0. */
  record Zero() implements Change {}

  /** x becomes the values. */
  record Set(MemorySegment values) implements Change {}

  /**
   * x becomes what it was in another run at the same position.
   *
   * @param from the position of row 0 of the activation
   */
  record Patch(Activation source, int from) implements Change {}

  /** {@code x + strength · values}. Of strength 0 it changes no bit. */
  record Add(float strength, MemorySegment values) implements Change {
    public Add {
      requireFinite("strength", strength);
    }
  }

  /** {@code factor · x}. */
  record Scale(float factor) implements Change {
    public Scale {
      requireFinite("factor", factor);
    }
  }

  /** x, but at least {@code least} and at most {@code most}; infinite where there is no bound. */
  record Clamp(float least, float most) implements Change {
    public Clamp {
      if (!(least <= most)) {
        throw new InvalidInputException(
            "bounds", least + " to " + most, "the least must not be above the most");
      }
    }
  }

  /**
   * Moves what the rows r of a basis span to where it is in the values: {@code x + Σ ((values − x)
   * · r) r}.
   *
   * @param basis orthonormal rows [k, columns]
   * @param values null for zeros: the span is projected out
   */
  record Subspace(MemorySegment basis, @Nullable MemorySegment values) implements Change {}

  private static void requireFinite(String what, float value) {
    if (!Float.isFinite(value)) {
      throw new InvalidInputException(what, Float.toString(value), "must be finite");
    }
  }
}

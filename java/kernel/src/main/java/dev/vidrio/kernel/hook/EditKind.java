package dev.vidrio.kernel.hook;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * How the elements x of a {@link EditTable.Region} change. Values are f32 off-heap: one row of the
 * region's columns for all its positions, or one for each. docs/numerics.md defines the arithmetic.
 */
public sealed interface EditKind {
  /** Replaces x: by zeros, by means, by what was tapped in another run or at another position. */
  record Set(MemorySegment values) implements EditKind {}

  /**
   * {@code x + strength · values}: steering (Turner et al. 2023, arXiv 2308.10248). Of strength 0
   * it changes no bit.
   */
  record Add(float strength, MemorySegment values) implements EditKind {}

  /** {@code factor · x}. */
  record Scale(float factor) implements EditKind {}

  /** x, but at least {@code least} and at most {@code most}; infinite where there is no bound. */
  record Clamp(float least, float most) implements EditKind {}

  /**
   * Moves what the rows r of a basis span to where it is in the values: {@code x + Σ ((values − x)
   * · r) r}, distributed interchange (Geiger et al. 2023, arXiv 2303.02536).
   *
   * @param basis orthonormal rows [k, columns], f32 off-heap
   * @param values null for zeros, which projects the span out
   */
  record Subspace(MemorySegment basis, @Nullable MemorySegment values) implements EditKind {}
}

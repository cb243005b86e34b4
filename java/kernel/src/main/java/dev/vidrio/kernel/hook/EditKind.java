package dev.vidrio.kernel.hook;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The function that an edit applies to the elements x of an {@link EditTable.Region}. Values are
 * f32, off-heap: one row of the region's columns for all its positions, or one per position.
 * docs/numerics.md defines the arithmetic.
 */
public sealed interface EditKind {
  /** Returns the values, or null. */
  default @Nullable MemorySegment values() {
    return null;
  }

  /** Replaces x by the values, such as zeros, means, or activations of another run or position. */
  record Set(MemorySegment values) implements EditKind {}

  /**
   * Computes {@code x + strength · values}: steering (Turner et al. 2023, arXiv 2308.10248).
   * Strength 0 changes no bit.
   */
  record Add(float strength, MemorySegment values) implements EditKind {}

  /** Computes {@code factor · x}. */
  record Scale(float factor) implements EditKind {}

  /** Clamps x to [min, max]; an infinite bound has no effect. */
  record Clamp(float min, float max) implements EditKind {}

  /**
   * Replaces the projection of x onto the span of the rows r of a basis by that of the values:
   * {@code x + Σ ((values − x) · r) r}, distributed interchange (Geiger et al. 2023, arXiv
   * 2303.02536).
   *
   * @param basis orthonormal rows [k, columns], f32 off-heap
   * @param values null for zeros, which removes the projection
   */
  record Subspace(MemorySegment basis, @Nullable MemorySegment values) implements EditKind {}
}

package dev.vidrio.lens.pass;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.EditKind.Add;
import dev.vidrio.kernel.hook.EditKind.Set;
import dev.vidrio.kernel.hook.EditKind.Subspace;
import dev.vidrio.kernel.hook.EditTable.Region;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.hook.InterventionKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The values of an intervention, checked and copied off-heap for the kernel.
 *
 * @param edit the intervention
 * @param region its positions and columns, or a part of them
 * @param rowWidth elements of the point's rows
 * @param heads number of heads of a row of scores or patterns, else 0
 */
record EditValues(Intervention edit, Region region, int rowWidth, int heads) {
  /** Maximum deviation of the products of basis rows from 0 and 1. */
  private static final double ORTHONORMAL = 1e-3;

  /**
   * Returns the edit.
   *
   * @param arena receives the values
   * @throws InvalidInputException if they do not fit
   */
  EditKind place(Arena arena) {
    return switch (edit.kind()) {
      case InterventionKind.Zero() -> new Set(arena.allocate(JAVA_FLOAT, region.columns()));
      case InterventionKind.Patch patch -> new Set(patched(patch, arena));
      case InterventionKind.Edit(Set(MemorySegment values)) -> new Set(rows(values, arena));
      case InterventionKind.Edit(Add(float strength, MemorySegment values)) ->
          new Add(strength, rows(values, arena));
      case InterventionKind.Edit(Subspace(MemorySegment basis, @Nullable MemorySegment values)) ->
          new Subspace(basis(basis, arena), values == null ? null : rows(values, arena));
      case InterventionKind.Edit(EditKind other) -> other;
    };
  }

  /** Copies one row for all positions, or one row per position. */
  private MemorySegment rows(MemorySegment values, Arena arena) {
    long row = region.columns() * (long) Float.BYTES;
    long each = (long) (region.to() - region.from()) * row;
    if (values.byteSize() != row && values.byteSize() != each) {
      boolean open = region.to() == Integer.MAX_VALUE;
      throw refused(
          values.byteSize() / Float.BYTES + " values",
          "must be "
              + region.columns()
              + (open
                  ? ""
                  : ", or as many for each of " + (region.to() - region.from()) + " positions"));
    }
    return arena.allocate(values.byteSize(), Float.BYTES).copyFrom(values);
  }

  /** Copies the region from another run's activation. */
  private MemorySegment patched(InterventionKind.Patch patch, Arena arena) {
    Activation source = patch.source();
    boolean attention = source.point().site().axes() == HookSite.Axes.QUERY_KEY;
    int rows = source.shape().get(attention ? 1 : 0);
    boolean fits =
        attention
            ? source.shape().getFirst() == heads
            : heads == 0 && source.elements() == (long) rows * rowWidth;
    if (!fits) {
      throw refused(
          "values of " + source.point() + " " + source.shape(),
          "must have rows of " + (heads == 0 ? rowWidth : heads + " heads' attention"));
    }
    int first = region.from() - patch.from();
    int count = region.to() - region.from();
    if (first < 0 || count > rows - first) {
      throw refused(
          "positions " + region.from() + ":" + region.to(),
          "the other run holds " + patch.from() + ":" + (patch.from() + rows));
    }
    MemorySegment values = arena.allocate(JAVA_FLOAT, (long) count * region.columns());
    for (int i = 0; i < count; i++) {
      MemorySegment row = values.asSlice(4L * i * region.columns(), 4L * region.columns());
      if (attention) {
        copyAttention(source, first + i, row);
      } else {
        long from = ((long) (first + i) * rowWidth + region.begin()) * Float.BYTES;
        MemorySegment.copy(source.data(), from, row, 0, row.byteSize());
      }
    }
    return values;
  }

  /**
   * Copies the region's columns of query i from [H, n, n_kv]; columns beyond its keys are zeros,
   * which no token reads.
   */
  private void copyAttention(Activation source, int i, MemorySegment row) {
    int rows = source.shape().get(1);
    int keys = source.shape().get(2);
    int positions = rowWidth / heads;
    for (int column = region.begin(); column < region.end(); column++) {
      int t = column % positions;
      if (t < keys) {
        long from = ((long) (column / positions) * rows + i) * keys + t;
        float value = source.data().getAtIndex(JAVA_FLOAT, from);
        row.setAtIndex(JAVA_FLOAT, column - region.begin(), value);
      }
    }
  }

  private MemorySegment basis(MemorySegment basis, Arena arena) {
    int n = region.columns();
    long rows = basis.byteSize() / Float.BYTES / n;
    if (rows == 0 || rows > n || basis.byteSize() != rows * n * Float.BYTES) {
      throw refused(
          "basis of " + basis.byteSize() / Float.BYTES + " values",
          "must be 1 to " + n + " rows of " + n);
    }
    for (int r = 0; r < rows; r++) {
      for (int s = 0; s <= r; s++) {
        double product = 0;
        for (int i = 0; i < n; i++) {
          product +=
              (double) basis.getAtIndex(JAVA_FLOAT, (long) r * n + i)
                  * basis.getAtIndex(JAVA_FLOAT, (long) s * n + i);
        }
        if (!(Math.abs(product - (r == s ? 1 : 0)) <= ORTHONORMAL)) {
          throw refused(
              "rows " + s + " and " + r + " of the basis",
              "must be orthonormal, but their product is " + product);
        }
      }
    }
    return arena.allocate(basis.byteSize(), Float.BYTES).copyFrom(basis);
  }

  private InvalidInputException refused(String value, String limit) {
    return new InvalidInputException("edit of " + edit.point(), value, limit);
  }
}

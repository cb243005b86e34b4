package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.op.HookOp;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The edit operation, as defined by docs/numerics.md. */
final class ScalarEdits {
  private final LaneSum sum = new LaneSum();

  /** Computes row i of y. */
  void row(HookOp.Edit op, Batch batch, MemorySegment x, MemorySegment y, int i) {
    int width = op.edits().width();
    long row = (long) i * width;
    int token = batch.tokenRow(op.rows(), i);
    Elements.copy(x, row, y, row, width);
    for (EditTable.Entry entry : op.edits().entries()) {
      if (entry.region().contains(batch.sequence(token), batch.position(token))) {
        apply(entry, batch.position(token), y, row);
      }
    }
  }

  /** Applies an entry to the token at a position, whose row begins at element {@code row} of y. */
  private void apply(EditTable.Entry entry, int position, MemorySegment y, long row) {
    int n = entry.region().columns();
    long at = row + entry.region().begin();
    long first = entry.firstValue(position);
    switch (entry.edit()) {
      case EditKind.Set set -> Elements.copy(set.values(), first, y, at, n);
      case EditKind.Add add -> {
        for (int i = 0; i < n; i++) {
          float step = add.strength() * Elements.get(add.values(), first + i);
          Elements.set(y, at + i, Elements.get(y, at + i) + step);
        }
      }
      case EditKind.Scale scale -> {
        for (int i = 0; i < n; i++) {
          Elements.set(y, at + i, scale.factor() * Elements.get(y, at + i));
        }
      }
      case EditKind.Clamp clamp -> {
        for (int i = 0; i < n; i++) {
          Elements.set(y, at + i, clamp(clamp, Elements.get(y, at + i)));
        }
      }
      case EditKind.Subspace subspace -> subspace(subspace, first, y, at, n);
    }
  }

  private static float clamp(EditKind.Clamp edit, float x) {
    float raised = x < edit.min() ? edit.min() : x;
    return raised > edit.max() ? edit.max() : raised;
  }

  private void subspace(EditKind.Subspace edit, long first, MemorySegment y, long at, int n) {
    MemorySegment basis = edit.basis();
    int k = (int) (basis.byteSize() / Float.BYTES / n);
    for (int j = 0; j < k; j++) {
      long r = (long) j * n;
      sum.clear();
      for (int i = 0; i < n; i++) {
        float target = value(edit.values(), first + i);
        sum.fma(i, target - Elements.get(y, at + i), Elements.get(basis, r + i));
      }
      float c = sum.merge();
      for (int i = 0; i < n; i++) {
        float moved = Math.fma(c, Elements.get(basis, r + i), Elements.get(y, at + i));
        Elements.set(y, at + i, moved);
      }
    }
  }

  private static float value(@Nullable MemorySegment values, long i) {
    return values == null ? 0 : Elements.get(values, i);
  }
}

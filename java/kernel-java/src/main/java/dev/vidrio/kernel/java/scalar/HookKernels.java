package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.TapTarget;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.op.HookOp;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The operations at hook points, as defined by docs/numerics.md, row by row. */
public final class HookKernels {
  private HookKernels() {}

  /** Copies row i of x to the target. */
  public static void tap(HookOp.Tap op, Batch batch, MemorySegment x, int i) {
    TapTarget target = op.target();
    int width = target.width();
    int token = batch.tokenRow(op.rows(), i);
    long row = target.row(batch.sequence(token), batch.position(token));
    if (row >= 0) {
      copy(x, (long) i * width, target, row * width);
    }
  }

  /** Copies a row from element {@code from} of x to element {@code to} of the target. */
  private static void copy(MemorySegment x, long from, TapTarget target, long to) {
    int width = target.width();
    switch (target.type()) {
      case F32 -> Elements.copy(x, from, target.data(), to, width);
      case F16 -> {
        for (int i = 0; i < width; i++) {
          Elements.setHalf(target.data(), to + i, Elements.get(x, from + i));
        }
      }
      case BF16 -> {
        for (int i = 0; i < width; i++) {
          Elements.setBfloat(target.data(), to + i, Elements.get(x, from + i));
        }
      }
    }
  }

  /** Adds columns [begin, end) of all rows of x to the statistics. */
  public static void accumulate(
      HookOp.Accumulate op, Batch batch, MemorySegment x, int begin, int end) {
    long width = op.x().width();
    int rows = batch.rows(op.rows());
    for (int i = 0; i < rows; i++) {
      int slot = op.statistics().slot(batch.sequence(batch.tokenRow(op.rows(), i)));
      for (int j = begin; j < end && slot >= 0; j++) {
        op.statistics().add(slot, j, Elements.get(x, i * width + j));
      }
    }
  }

  /** Computes row i of y. */
  public static void edit(HookOp.Edit op, Batch batch, MemorySegment x, MemorySegment y, int i) {
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

  /** Applies an entry to the token at a position. Its row begins at element {@code row} of y. */
  private static void apply(EditTable.Entry entry, int position, MemorySegment y, long row) {
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

  private static void subspace(
      EditKind.Subspace edit, long first, MemorySegment y, long at, int n) {
    MemorySegment basis = edit.basis();
    int k = (int) (basis.byteSize() / Float.BYTES / n);
    var sum = new LaneSum();
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

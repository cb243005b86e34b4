package dev.vidrio.kernel.java.bind;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.execution.Workspace;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.runtime.BoundOp;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.Packing;
import java.lang.foreign.MemorySegment;

/** Binds the operations of adapters, whose rows are divided among workers. */
final class LowRankOpBinder {
  private final Workspace workspace;

  LowRankOpBinder(Workspace workspace) {
    this.workspace = workspace;
  }

  BoundOp bind(LowRankOp op) {
    return switch (op) {
      case LowRankOp.Down down -> down(down);
      case LowRankOp.Up up -> up(up);
    };
  }

  private BoundOp down(LowRankOp.Down op) {
    MemorySegment u = workspace.segment(op.u());
    MemorySegment t = workspace.segment(op.t());
    int width = op.t().width();
    return (kernels, batch, share) -> {
      int last = share.end(batch.rows(op.rows()));
      for (int row = share.begin(batch.rows(op.rows())), end; row < last; row = end) {
        end = endOfSequence(op, batch, row, last);
        int sequence = sequence(op, batch, row);
        LowRank update = op.table().updateOf(sequence, op.matrix());
        if (update != null) {
          float s = update.scale() * op.table().strength(sequence);
          MemorySegment rows = t.asSlice((long) row * width * Float.BYTES);
          MemorySegment from = u.asSlice((long) row * update.k() * Float.BYTES);
          kernels.matMul(update.a(), from, rows, end - row, 0, Packing.groups(update.rank()));
          spread(rows, end - row, update.rank(), width, s);
        }
      }
    };
  }

  /**
   * Multiplies rows [rows, r] by s and spreads them in place, the last one first, to [rows, width].
   */
  private static void spread(MemorySegment t, int rows, int r, int width, float s) {
    for (long i = rows - 1L; i >= 0; i--) {
      for (long j = r - 1L; j >= 0; j--) {
        Elements.set(t, i * width + j, s * Elements.get(t, i * r + j));
      }
    }
  }

  private BoundOp up(LowRankOp.Up op) {
    MemorySegment x = workspace.segment(op.x());
    MemorySegment t = workspace.segment(op.t());
    MemorySegment y = workspace.segment(op.y());
    int n = op.y().width();
    int width = op.t().width();
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      for (int row = share.begin(rows); row < share.end(rows); row++) {
        long at = (long) row * n;
        LowRank update = op.table().updateOf(sequence(op, batch, row), op.matrix());
        if (update == null) {
          Elements.copy(x, at, y, at, n);
        } else {
          kernels.lowRankUp(update, x, at, t, (long) row * width, y);
        }
      }
    };
  }

  private static int sequence(Op op, Batch batch, int row) {
    return batch.sequence(batch.tokenRow(op.rows(), row));
  }

  /** Returns the end of the rows from {@code begin} on that belong to the sequence of the first. */
  private static int endOfSequence(Op op, Batch batch, int begin, int end) {
    int row = begin + 1;
    while (row < end && sequence(op, batch, row) == sequence(op, batch, begin)) {
      row++;
    }
    return row;
  }
}

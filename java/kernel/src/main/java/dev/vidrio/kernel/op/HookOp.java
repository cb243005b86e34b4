package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Access.Scope.ALL;
import static dev.vidrio.kernel.op.Access.Scope.ELEMENT;
import static dev.vidrio.kernel.op.Access.Scope.ROW;
import static dev.vidrio.kernel.op.Access.read;
import static dev.vidrio.kernel.op.Access.write;
import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireSame;

import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.TapTarget;
import java.util.List;

/** Operations at hook points, which capture, summarize or edit an activation. */
public sealed interface HookOp extends Op {
  /**
   * Returns false: a hook point has a row per token, even where only logits need its activation.
   */
  @Override
  default boolean isRowwise() {
    return false;
  }

  /**
   * Copies rows of x out of the step. Workers wait least if the tap comes just before the first
   * operation that reads x, or, if there is none, after the one that writes it.
   *
   * @param target the destination, which no other operation may use
   */
  record Tap(Buffer x, TapTarget target) implements HookOp {
    public Tap {
      require(x.width() == target.width(), x, "width, the target has " + target.width());
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ELEMENT).replicable());
    }
  }

  /**
   * Adds rows of x to running statistics of its columns.
   *
   * @param statistics the destination, which no other operation may use
   */
  record Accumulate(Buffer x, ColumnStatistics statistics) implements HookOp {
    public Accumulate {
      require(
          x.width() == statistics.width(), x, "width, the statistics have " + statistics.width());
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ALL));
    }
  }

  /** Copies x to y and applies the entries of the table to it. */
  record Edit(Buffer x, EditTable edits, Buffer y) implements HookOp {
    public Edit {
      requireSame(x, y);
      require(x.width() == edits.width(), y, "width, the edits have " + edits.width());
    }

    // A projection onto a subspace needs whole rows.
    @Override
    public List<Access> accesses() {
      Access.Scope scope = edits.subspaces() ? ROW : ELEMENT;
      return List.of(read(x, scope), write(y, scope));
    }
  }
}

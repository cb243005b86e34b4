package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireSame;

import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.TapTarget;
import java.util.List;

/** Operations at hook points, which watch or change an activation. */
public sealed interface HookOp extends Op {
  /**
   * Copies rows of x out of the step, and changes nothing else. Workers wait least where it stands
   * just before the first operation that reads x, or after the one that writes it where none does.
   *
   * @param target where they go; it belongs to this operation alone
   */
  record Tap(Buffer x, TapTarget target) implements HookOp {
    public Tap {
      require(x.width() == target.width(), x, "width of the target");
    }

    @Override
    public List<Operand> reads() {
      return List.of(x);
    }

    @Override
    public List<Operand> writes() {
      return List.of();
    }
  }

  /**
   * Adds rows of x to running statistics of its columns, and changes nothing else.
   *
   * @param statistics they belong to this operation alone
   */
  record Accumulate(Buffer x, ColumnStatistics statistics) implements HookOp {
    public Accumulate {
      require(x.width() == statistics.width(), x, "width of the statistics");
    }

    @Override
    public List<Operand> reads() {
      return List.of(x);
    }

    @Override
    public List<Operand> writes() {
      return List.of();
    }
  }

  /** y is x, but where the table says otherwise. */
  record Edit(Buffer x, EditTable edits, Buffer y) implements HookOp {
    public Edit {
      requireSame(x, y);
      require(x.width() == edits.width(), y, "width of the edits");
    }

    @Override
    public List<Operand> reads() {
      return List.of(x);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }
}

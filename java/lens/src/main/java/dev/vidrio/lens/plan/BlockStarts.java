package dev.vidrio.lens.plan;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Where a run can enter an edited plan: at the input of each block. */
public final class BlockStarts {
  private final List<Op> ops;
  private final HookMap hooks;
  private final EditTables tables;
  private final Plan plan;

  /**
   * @param plan after {@link EditedPlan}
   * @param hooks of that plan
   */
  public BlockStarts(Plan plan, HookMap hooks, EditTables tables) {
    this.plan = plan;
    this.ops = plan.ops();
    this.hooks = hooks;
    this.tables = tables;
  }

  /** The input of a block, before edits of it. */
  public Buffer input(int layer) {
    HookPoint point = new HookPoint(HookSite.RESID_PRE, layer);
    if (tables.tables().containsKey(point)
        && ops.get(tables.operation(point, plan)) instanceof HookOp.Edit edit) {
      return edit.x();
    }
    return hooks.source(point).captured().getFirst();
  }

  /**
   * The first operation of a block.
   *
   * @throws IllegalStateException when what follows reads more than the block's input
   */
  public int operation(int layer) {
    Buffer input = input(layer);
    int begin =
        IntStream.range(0, ops.size())
            .filter(i -> ops.get(i).reads().contains(input))
            .findFirst()
            .orElseThrow();
    Set<Operand> before = new HashSet<>();
    ops.subList(0, begin).forEach(op -> before.addAll(op.writes()));
    before.remove(input);
    for (Op op : ops.subList(begin, ops.size())) {
      for (Operand operand : op.reads()) {
        if (before.contains(operand)) {
          throw new IllegalStateException(
              "block " + layer + " also reads " + operand.name() + ", from before it");
        }
      }
    }
    return begin;
  }

  /** After the last operation of a block: the first that reads its output. */
  public int end(int layer) {
    Buffer output = hooks.source(new HookPoint(HookSite.RESID_POST, layer)).captured().getFirst();
    return IntStream.range(0, ops.size())
        .filter(i -> ops.get(i).reads().contains(output))
        .findFirst()
        .orElseThrow();
  }

  /** After the last operation. */
  public int end() {
    return ops.size();
  }
}

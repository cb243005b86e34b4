package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_accumulate;
import dev.vidrio.bindings.vd_edit;
import dev.vidrio.bindings.vd_op;
import dev.vidrio.bindings.vd_tap;
import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.kernel.hook.TapTarget;
import dev.vidrio.kernel.op.HookOp;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Writes operations at hook points for {@link PlanEncoder}. */
final class HookOpEncoder {
  private final PlanEncoder plan;
  private final Arena arena;
  private final List<Runnable> updates;

  /**
   * @param arena holds the entries of edits, as long as the plan runs
   * @param updates receives what keeps them up to date
   */
  HookOpEncoder(PlanEncoder plan, Arena arena, List<Runnable> updates) {
    this.plan = plan;
    this.arena = arena;
    this.updates = updates;
  }

  /** Fills in the operation's member of the union and returns its kind. */
  int encode(HookOp op, MemorySegment as) {
    return switch (op) {
      case HookOp.Edit edit -> edit(edit, vd_op.as.edit(as));
      case HookOp.Tap tap -> tap(tap, vd_op.as.tap(as));
      case HookOp.Accumulate accumulate -> accumulate(accumulate, vd_op.as.accumulate(as));
    };
  }

  private int edit(HookOp.Edit op, MemorySegment s) {
    var entries = new EditEntries(op.edits(), arena);
    updates.add(entries::update);
    vd_edit.x(s, plan.address(op.x()));
    vd_edit.y(s, plan.address(op.y()));
    vd_edit.entries(s, entries.entries());
    vd_edit.n_entries(s, entries.count());
    vd_edit.width(s, op.x().width());
    vd_edit.whole_rows(s, op.edits().subspaces() ? 1 : 0);
    return Vidrio.VD_OP_EDIT();
  }

  private int accumulate(HookOp.Accumulate op, MemorySegment s) {
    ColumnStatistics statistics = op.statistics();
    vd_accumulate.x(s, plan.address(op.x()));
    String what = "memory of statistics of " + op.x().name();
    vd_accumulate.sums(s, plan.outside().note(what, statistics.sums()));
    vd_accumulate.bounds(s, statistics.bounds());
    vd_accumulate.slots(s, plan.outside().note(what, statistics.slots()));
    vd_accumulate.n_slots(s, statistics.count());
    vd_accumulate.n_sequences(s, statistics.sequences());
    vd_accumulate.width(s, statistics.width());
    return Vidrio.VD_OP_ACCUMULATE();
  }

  private int tap(HookOp.Tap op, MemorySegment s) {
    TapTarget target = op.target();
    vd_tap.x(s, plan.address(op.x()));
    String what = "target of the tap of " + op.x().name();
    vd_tap.data(s, plan.outside().note(what, target.data()));
    vd_tap.bases(s, plan.outside().note(what, target.bases()));
    vd_tap.positions(s, target.window());
    vd_tap.n_rows(s, target.rows());
    vd_tap.n_sequences(s, target.sequences());
    vd_tap.type(s, target.type().id());
    vd_tap.width(s, target.width());
    return Vidrio.VD_OP_TAP();
  }
}

package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_low_rank_down;
import dev.vidrio.bindings.vd_low_rank_up;
import dev.vidrio.bindings.vd_op;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.weight.LowRankTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Writes operations of low rank for {@link PlanEncoder}. */
final class LowRankEncoder {
  private final PlanEncoder plan;
  private final Arena arena;
  private final List<Runnable> updates;
  private final Map<LowRankTable, LowRankEntries> tables = new HashMap<>();

  /**
   * @param arena holds the tables, as long as the plan runs
   * @param updates receives what keeps them up to date
   */
  LowRankEncoder(PlanEncoder plan, Arena arena, List<Runnable> updates) {
    this.plan = plan;
    this.arena = arena;
    this.updates = updates;
  }

  /** Fills in the operation's member of the union and returns its kind. */
  int encode(LowRankOp op, MemorySegment as) {
    return switch (op) {
      case LowRankOp.Down down -> down(down, vd_op.as.low_rank_down(as));
      case LowRankOp.Up up -> up(up, vd_op.as.low_rank_up(as));
    };
  }

  private int down(LowRankOp.Down op, MemorySegment s) {
    vd_low_rank_down.u(s, plan.address(op.u()));
    vd_low_rank_down.t(s, plan.address(op.t()));
    entries(op.table()).choice(op.matrix(), vd_low_rank_down.choice(s));
    vd_low_rank_down.K(s, op.u().width());
    return Vidrio.VD_OP_LOW_RANK_DOWN();
  }

  private int up(LowRankOp.Up op, MemorySegment s) {
    vd_low_rank_up.x(s, plan.address(op.x()));
    vd_low_rank_up.t(s, plan.address(op.t()));
    vd_low_rank_up.y(s, plan.address(op.y()));
    entries(op.table()).choice(op.matrix(), vd_low_rank_up.choice(s));
    vd_low_rank_up.N(s, op.y().width());
    return Vidrio.VD_OP_LOW_RANK_UP();
  }

  private LowRankEntries entries(LowRankTable table) {
    return tables.computeIfAbsent(
        table,
        key -> {
          var entries = new LowRankEntries(key, arena);
          updates.add(entries::update);
          return entries;
        });
  }
}

package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_op;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.execution.Workspace;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Writes a plan as an array of vd_op. This class fills in what is common to all operations, their
 * rows and their place in the schedule; {@link OpEncoder} fills in each operation.
 */
final class PlanEncoder {
  private final Schedule schedule;
  private final Workspace workspace;
  private final NativeOperands memory;
  private final OpEncoder encoder;

  /**
   * Creates an encoder of a plan.
   *
   * @param tables holds the tables that operations point to, as long as the plan runs
   */
  PlanEncoder(Schedule schedule, Workspace workspace, KvCache cache, Arena tables) {
    this.schedule = schedule;
    this.workspace = workspace;
    this.memory = new NativeOperands(workspace, cache, tables);
    this.encoder = new OpEncoder(memory, tables);
  }

  /** Returns the updates of tables that may change between steps, to be run before each step. */
  List<Runnable> updates() {
    return encoder.updates();
  }

  /** Returns the memory outside of the plan that operations hold addresses of. */
  OutsideMemory outside() {
    return memory.outside();
  }

  MemorySegment encode(Plan plan, Arena arena) {
    MemorySegment ops = vd_op.allocateArray(plan.ops().size(), arena);
    for (int i = 0; i < plan.ops().size(); i++) {
      Op op = plan.ops().get(i);
      MemorySegment target = vd_op.asSlice(ops, i);
      vd_op.rows(
          target, op.rows() == Rows.TOKENS ? Vidrio.VD_ROWS_TOKENS() : Vidrio.VD_ROWS_LOGITS());
      vd_op.barrier(
          target,
          switch (workspace.barrier(i)) {
            case NEVER -> Vidrio.VD_BARRIER_NEVER();
            case UNLESS_REPLICATED -> Vidrio.VD_BARRIER_UNLESS_REPLICATED();
            case ALWAYS -> Vidrio.VD_BARRIER_ALWAYS();
          });
      vd_op.epilogue(target, schedule.isEpilogue(i) ? 1 : 0);
      vd_op.replicated(
          target,
          (op.reads().stream().anyMatch(schedule::isReplicated) ? Vidrio.VD_REPLICATED_READ() : 0)
              | (schedule.isReplicated(i) ? Vidrio.VD_REPLICATED_WRITE() : 0));
      vd_op.kind(target, encoder.encode(op, vd_op.as(target)));
    }
    return ops;
  }
}

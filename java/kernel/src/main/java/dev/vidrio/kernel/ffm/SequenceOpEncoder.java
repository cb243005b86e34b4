package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_attention;
import dev.vidrio.bindings.vd_conv;
import dev.vidrio.bindings.vd_kv_store;
import dev.vidrio.bindings.vd_op;
import dev.vidrio.bindings.vd_recurrence;
import dev.vidrio.bindings.vd_rope;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.execution.RotationTable;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;

/** Writes operations that depend on sequences and positions for {@link PlanEncoder}. */
final class SequenceOpEncoder {
  private final PlanEncoder plan;

  SequenceOpEncoder(PlanEncoder plan) {
    this.plan = plan;
  }

  /** Fills in the operation's member of the union and returns its kind. */
  int encode(SequenceOp op, MemorySegment as) {
    return switch (op) {
      case SequenceOp.Rope rope -> rope(rope, vd_op.as.rope(as));
      case SequenceOp.KvStore store -> kvStore(store, vd_op.as.kv_store(as));
      case SequenceOp.Attention attention -> attention(attention, vd_op.as.attention(as));
      case SequenceOp.Conv conv -> conv(conv, vd_op.as.conv(as));
      case SequenceOp.Recurrence recurrence -> recurrence(recurrence, vd_op.as.recurrence(as));
    };
  }

  private int rope(SequenceOp.Rope op, MemorySegment s) {
    Rotation rotation = op.rotation();
    RotationTable table = plan.table(rotation);
    vd_rope.x(s, plan.address(op.x()));
    vd_rope.cos(s, table.cos());
    vd_rope.sin(s, table.sin());
    vd_rope.y(s, plan.address(op.y()));
    vd_rope.heads(s, op.heads());
    vd_rope.d_h(s, op.dH());
    vd_rope.d_rot(s, rotation.width());
    vd_rope.pairs(
        s,
        switch (rotation.pairs()) {
          case INTERLEAVED -> Vidrio.VD_ROPE_INTERLEAVED();
          case HALVES -> Vidrio.VD_ROPE_HALVES();
        });
    return Vidrio.VD_OP_ROPE();
  }

  private int kvStore(SequenceOp.KvStore op, MemorySegment s) {
    vd_kv_store.k(s, plan.address(op.k()));
    vd_kv_store.v(s, plan.address(op.v()));
    plan.cache(op.layer(), vd_kv_store.cache(s));
    return Vidrio.VD_OP_KV_STORE();
  }

  private int attention(SequenceOp.Attention op, MemorySegment s) {
    plan.attends(op, s);
    vd_attention.z(s, plan.address(op.z()));
    return Vidrio.VD_OP_ATTENTION();
  }

  private int conv(SequenceOp.Conv op, MemorySegment s) {
    vd_conv.x(s, plan.address(op.x()));
    vd_conv.kernel(s, plan.address(op.kernel()));
    vd_conv.y(s, plan.address(op.y()));
    plan.conv(op, s);
    vd_conv.d(s, op.y().width());
    vd_conv.L(s, op.length());
    return Vidrio.VD_OP_CONV();
  }

  private int recurrence(SequenceOp.Recurrence op, MemorySegment s) {
    recurs(op, s);
    vd_recurrence.z(s, plan.address(op.z()));
    return Vidrio.VD_OP_RECURRENCE();
  }

  /** All of it but the result. */
  void recurs(SequenceOp.Recurrence op, MemorySegment s) {
    vd_recurrence.q(s, plan.address(op.inputs().q()));
    vd_recurrence.k(s, plan.address(op.inputs().k()));
    vd_recurrence.v(s, plan.address(op.inputs().v()));
    vd_recurrence.step(s, plan.address(op.inputs().step()));
    vd_recurrence.beta(s, plan.address(op.inputs().beta()));
    vd_recurrence.a(s, plan.address(op.a()));
    vd_recurrence.skip(s, plan.address(op.skip()));
    KvShape.Recurrent shape = plan.states(op.layer(), s);
    vd_recurrence.H_k(s, shape.keyHeads());
    vd_recurrence.H(s, shape.heads());
    vd_recurrence.d_k(s, shape.dK());
    vd_recurrence.d_v(s, shape.dV());
    vd_recurrence.delta(s, op.update() == SequenceOp.Update.DELTA ? 1 : 0);
    vd_recurrence.tiled(s, op.grouping() == SequenceOp.Grouping.TILED ? 1 : 0);
  }
}

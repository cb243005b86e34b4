package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_activation_backward;
import dev.vidrio.bindings.vd_attention_backward;
import dev.vidrio.bindings.vd_conv_backward;
import dev.vidrio.bindings.vd_diagonal_recurrence;
import dev.vidrio.bindings.vd_diagonal_recurrence_backward;
import dev.vidrio.bindings.vd_expert_matmul_backward;
import dev.vidrio.bindings.vd_expert_sum_backward;
import dev.vidrio.bindings.vd_matmul_backward;
import dev.vidrio.bindings.vd_norm_backward;
import dev.vidrio.bindings.vd_op;
import dev.vidrio.bindings.vd_recurrence_backward;
import dev.vidrio.bindings.vd_route_backward;
import dev.vidrio.bindings.vd_scale;
import dev.vidrio.bindings.vd_scatter;
import dev.vidrio.bindings.vd_slot_sum;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;

/**
 * Writes a backward operation into the union of a vd_op, like {@link OpEncoder}. Structs of the C
 * API that contain the forward operation are filled in by that.
 */
final class BackwardOpEncoder {
  private final NativeOperands memory;
  private final OpEncoder forward;

  BackwardOpEncoder(NativeOperands memory, OpEncoder forward) {
    this.memory = memory;
    this.forward = forward;
  }

  /** Fills in the operation's member of the union and returns its kind. */
  int encode(BackwardOp op, MemorySegment as) {
    return switch (op) {
      case BackwardOp.Seed seed -> seed(seed, vd_op.as.scale(as));
      case BackwardOp.Scatter scatter -> scatter(scatter, vd_op.as.scatter(as));
      case BackwardOp.Norm norm -> norm(norm, vd_op.as.norm_backward(as));
      case BackwardOp.Activation a -> activation(a, vd_op.as.activation_backward(as));
      case BackwardOp.MatMul matMul -> matMul(matMul, vd_op.as.matmul_backward(as));
      case BackwardOp.Query query -> query(query, vd_op.as.attention_backward(as));
      case BackwardOp.KeyValue keys -> keyValue(keys, vd_op.as.attention_backward(as));
      case BackwardOp.Conv conv -> conv(conv, vd_op.as.conv_backward(as));
      case BackwardOp.Recurrence r -> recurrence(r, vd_op.as.recurrence_backward(as));
      case BackwardOp.DiagonalRecurrence r ->
          diagonalRecurrence(r, vd_op.as.diagonal_recurrence_backward(as));
      case BackwardOp.Route route -> route(route, vd_op.as.route_backward(as));
      case BackwardOp.ExpertMatMul matMul ->
          expertMatMul(matMul, vd_op.as.expert_matmul_backward(as));
      case BackwardOp.ExpertSum sum -> expertSum(sum, vd_op.as.expert_sum_backward(as));
      case BackwardOp.SlotSum sum -> slotSum(sum, vd_op.as.slot_sum(as));
    };
  }

  private int seed(BackwardOp.Seed op, MemorySegment s) {
    MemorySegment y = memory.address(op.y());
    if (op.values().byteSize() < y.byteSize()) {
      throw new IllegalArgumentException(
          op.y().name()
              + ": values of "
              + op.values().byteSize()
              + " bytes, but the limits need "
              + y.byteSize());
    }
    vd_scale.x(s, memory.outside().note("memory of values of " + op.y().name(), op.values()));
    vd_scale.y(s, y);
    vd_scale.factor(s, 1);
    vd_scale.width(s, op.y().width());
    return Vidrio.VD_OP_SCALE();
  }

  private int scatter(BackwardOp.Scatter op, MemorySegment s) {
    vd_scatter.x(s, memory.address(op.x()));
    vd_scatter.y(s, memory.address(op.y()));
    vd_scatter.width(s, op.x().width());
    return Vidrio.VD_OP_SCATTER();
  }

  private int norm(BackwardOp.Norm op, MemorySegment s) {
    Op.Norm norm = op.forward();
    vd_norm_backward.x(s, memory.address(norm.x()));
    vd_norm_backward.gain(s, memory.address(norm.gain()));
    vd_norm_backward.dy(s, memory.address(op.dy()));
    vd_norm_backward.dx(s, memory.address(op.dx()));
    vd_norm_backward.kind(s, OpEncoder.kind(norm.kind()));
    vd_norm_backward.heads(s, norm.heads());
    vd_norm_backward.d(s, norm.d());
    vd_norm_backward.per_head(s, norm.perHead() ? 1 : 0);
    vd_norm_backward.epsilon(s, norm.epsilon());
    vd_norm_backward.frozen(s, op.frozen() ? 1 : 0);
    return Vidrio.VD_OP_NORM_BACKWARD();
  }

  private int activation(BackwardOp.Activation op, MemorySegment s) {
    Buffer up = op.forward().up();
    vd_activation_backward.x(s, memory.address(op.forward().x()));
    vd_activation_backward.up(s, up == null ? MemorySegment.NULL : memory.address(up));
    vd_activation_backward.dy(s, memory.address(op.dy()));
    vd_activation_backward.dx(s, memory.address(op.dx()));
    vd_activation_backward.kind(s, op.forward().kind().id());
    vd_activation_backward.slope(
        s,
        switch (op.slope()) {
          case DERIVATIVE -> Vidrio.VD_SLOPE_DERIVATIVE();
          case SECANT -> Vidrio.VD_SLOPE_SECANT();
        });
    vd_activation_backward.width(s, op.dx().width());
    return Vidrio.VD_OP_ACTIVATION_BACKWARD();
  }

  private int matMul(BackwardOp.MatMul op, MemorySegment s) {
    Weights weights = op.weights();
    vd_matmul_backward.weights(s, memory.address(weights));
    vd_matmul_backward.dy(s, memory.address(op.dy()));
    vd_matmul_backward.dx(s, memory.address(op.dx()));
    vd_matmul_backward.type(s, weights.type().id());
    vd_matmul_backward.N(s, weights.n());
    vd_matmul_backward.K(s, weights.k());
    boolean inRows = weights.layout() == Weights.Layout.ROWS;
    vd_matmul_backward.unpacked(s, inRows && weights.type().quantized() ? 1 : 0);
    return Vidrio.VD_OP_MATMUL_BACKWARD();
  }

  private int query(BackwardOp.Query op, MemorySegment s) {
    forward.attentionInputs(op.forward(), vd_attention_backward.attention(s));
    vd_attention_backward.dz(s, memory.address(op.dz()));
    vd_attention_backward.dq(s, memory.address(op.dq()));
    vd_attention_backward.statistics(s, memory.address(op.statistics()));
    return Vidrio.VD_OP_QUERY_BACKWARD();
  }

  private int keyValue(BackwardOp.KeyValue op, MemorySegment s) {
    forward.attentionInputs(op.forward(), vd_attention_backward.attention(s));
    vd_attention_backward.dz(s, memory.address(op.dz()));
    vd_attention_backward.statistics(s, memory.address(op.statistics()));
    vd_attention_backward.dk(s, memory.address(op.dk()));
    vd_attention_backward.dv(s, memory.address(op.dv()));
    return Vidrio.VD_OP_KEY_VALUE_BACKWARD();
  }

  private int conv(BackwardOp.Conv op, MemorySegment s) {
    vd_conv_backward.kernel(s, memory.address(op.forward().kernel()));
    vd_conv_backward.dy(s, memory.address(op.dy()));
    vd_conv_backward.dx(s, memory.address(op.dx()));
    vd_conv_backward.d(s, op.dx().width());
    vd_conv_backward.L(s, op.forward().length());
    return Vidrio.VD_OP_CONV_BACKWARD();
  }

  private int recurrence(BackwardOp.Recurrence op, MemorySegment s) {
    forward.recurrenceInputs(op.forward(), vd_recurrence_backward.recurrence(s));
    vd_recurrence_backward.dz(s, memory.address(op.dz()));
    vd_recurrence_backward.residual(s, memory.address(op.residual()));
    vd_recurrence_backward.dq(s, memory.address(op.gradients().q()));
    vd_recurrence_backward.dk(s, memory.address(op.gradients().k()));
    vd_recurrence_backward.dv(s, memory.address(op.gradients().v()));
    vd_recurrence_backward.dstep(s, memory.address(op.gradients().step()));
    vd_recurrence_backward.dbeta(s, memory.address(op.gradients().beta()));
    return Vidrio.VD_OP_RECURRENCE_BACKWARD();
  }

  private int diagonalRecurrence(BackwardOp.DiagonalRecurrence op, MemorySegment s) {
    MemorySegment inputs = vd_diagonal_recurrence_backward.recurrence(s);
    vd_diagonal_recurrence.x(inputs, memory.address(op.forward().x()));
    vd_diagonal_recurrence.decay(inputs, memory.address(op.forward().decay()));
    vd_diagonal_recurrence.gate(inputs, memory.address(op.forward().gate()));
    vd_diagonal_recurrence.d(inputs, op.dh().width());
    vd_diagonal_recurrence_backward.dh(s, memory.address(op.dh()));
    vd_diagonal_recurrence_backward.ddecay(s, memory.address(op.dDecay()));
    vd_diagonal_recurrence_backward.dgate(s, memory.address(op.dGate()));
    vd_diagonal_recurrence_backward.dx(s, memory.address(op.dx()));
    return Vidrio.VD_OP_DIAGONAL_RECURRENCE_BACKWARD();
  }

  private int route(BackwardOp.Route op, MemorySegment s) {
    vd_route_backward.logits(s, memory.address(op.forward().logits()));
    vd_route_backward.experts(s, memory.address(op.forward().experts()));
    vd_route_backward.weights(s, memory.address(op.forward().weights()));
    vd_route_backward.dweights(s, memory.address(op.dWeights()));
    vd_route_backward.dlogits(s, memory.address(op.dLogits()));
    vd_route_backward.E(s, op.dLogits().width());
    vd_route_backward.k(s, op.dWeights().width());
    vd_route_backward.score(s, OpEncoder.score(op.forward().score()));
    vd_route_backward.over(s, OpEncoder.over(op.forward().over()));
    return Vidrio.VD_OP_ROUTE_BACKWARD();
  }

  private int expertMatMul(BackwardOp.ExpertMatMul op, MemorySegment s) {
    vd_expert_matmul_backward.matrices(s, memory.matrices(op.forward()));
    vd_expert_matmul_backward.experts(s, memory.address(op.forward().experts()));
    vd_expert_matmul_backward.dy(s, memory.address(op.dy()));
    vd_expert_matmul_backward.dx(s, memory.address(op.dx()));
    vd_expert_matmul_backward.type(s, op.forward().type().id());
    vd_expert_matmul_backward.E(s, op.forward().matrices().size());
    vd_expert_matmul_backward.k(s, op.forward().slots());
    vd_expert_matmul_backward.N(s, op.forward().n());
    vd_expert_matmul_backward.K(s, op.forward().k());
    return Vidrio.VD_OP_EXPERT_MATMUL_BACKWARD();
  }

  private int expertSum(BackwardOp.ExpertSum op, MemorySegment s) {
    vd_expert_sum_backward.x(s, memory.address(op.forward().x()));
    vd_expert_sum_backward.weights(s, memory.address(op.forward().weights()));
    vd_expert_sum_backward.dy(s, memory.address(op.dy()));
    vd_expert_sum_backward.dx(s, memory.address(op.dx()));
    vd_expert_sum_backward.dweights(s, memory.address(op.dWeights()));
    vd_expert_sum_backward.k(s, op.forward().slots());
    vd_expert_sum_backward.d(s, op.dy().width());
    return Vidrio.VD_OP_EXPERT_SUM_BACKWARD();
  }

  private int slotSum(BackwardOp.SlotSum op, MemorySegment s) {
    vd_slot_sum.x(s, memory.address(op.x()));
    vd_slot_sum.y(s, memory.address(op.y()));
    vd_slot_sum.k(s, op.slots());
    vd_slot_sum.d(s, op.y().width());
    return Vidrio.VD_OP_SLOT_SUM();
  }
}

package dev.vidrio.kernel.op;

import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The same operations over other operands. */
public final class Substitution {
  private final UnaryOperator<Operand> to;

  private Substitution(UnaryOperator<Operand> to) {
    this.to = to;
  }

  /**
   * An operation over other operands.
   *
   * @param to what takes the place of each activation that it reads or writes
   * @throws IllegalArgumentException when it is of a kind that only passes over plans add, or the
   *     operands do not fit it
   */
  @SuppressWarnings("unchecked") // an operation becomes one of its own kind
  public static <T extends Op> T of(T op, UnaryOperator<Operand> to) {
    return (T) new Substitution(to).of(op);
  }

  private Op of(Op op) {
    return switch (op) {
      case Op.Embed o -> new Op.Embed(o.table(), o.index(), o.offset(), o.skip(), in(o.y()));
      case Op.Norm o ->
          new Op.Norm(
              o.kind(),
              o.epsilon(),
              o.heads(),
              in(o.x()),
              o.gain(),
              o.bias(),
              in(o.y()),
              optional(o.scale()));
      case Op.Quantize o -> new Op.Quantize(in(o.x()), (QuantizedBuffer) to.apply(o.y()));
      case Op.MatMul o -> new Op.MatMul(o.weights(), to.apply(o.x()), in(o.y()), o.fast());
      case Op.Activation o -> new Op.Activation(o.kind(), in(o.x()), optional(o.up()), in(o.y()));
      case Op.Add o -> new Op.Add(in(o.a()), in(o.b()), in(o.y()));
      case Op.AddBias o -> new Op.AddBias(in(o.a()), o.bias(), in(o.y()));
      case Op.Scale o -> new Op.Scale(in(o.x()), o.factor(), in(o.y()));
      case Op.Gather o -> new Op.Gather(in(o.x()), in(o.y()));
      case HookOp.Edit o -> new HookOp.Edit(in(o.x()), o.edits(), in(o.y()));
      case OpenOp.Gain o -> new OpenOp.Gain(in(o.x()), o.gain(), o.bias(), in(o.y()));
      case OpenOp.Mix o ->
          new OpenOp.Mix(
              o.layer(), o.heads(), in(o.pattern()), in(o.softmax()), in(o.attention()), in(o.z()));
      case LowRankOp.Down o -> new LowRankOp.Down(in(o.u()), o.table(), o.matrix(), in(o.t()));
      case LowRankOp.Up o ->
          new LowRankOp.Up(in(o.x()), in(o.t()), o.table(), o.matrix(), in(o.y()));
      case SequenceOp sequence -> of(sequence);
      case ExpertOp expert -> of(expert);
      default -> throw unsupported(op);
    };
  }

  private Op of(SequenceOp op) {
    return switch (op) {
      case SequenceOp.Rope o -> new SequenceOp.Rope(o.rotation(), o.dH(), in(o.x()), in(o.y()));
      case SequenceOp.Attention o ->
          new SequenceOp.Attention(
              o.layer(),
              o.heads(),
              o.scale(),
              o.window(),
              o.cap(),
              o.sinks(),
              o.slopes(),
              in(o.q()),
              in(o.z()));
      case SequenceOp.Conv o ->
          new SequenceOp.Conv(o.layer(), o.part(), o.kernel(), in(o.x()), in(o.y()));
      case SequenceOp.Recurrence o -> o.over(o.inputs().map(this::in), in(o.z()));
      case SequenceOp.KvStore o -> new SequenceOp.KvStore(o.layer(), in(o.k()), in(o.v()));
    };
  }

  private Op of(ExpertOp op) {
    return switch (op) {
      case ExpertOp.Route o ->
          new ExpertOp.Route(
              o.score(),
              o.over(),
              o.bias(),
              o.groups(),
              in(o.logits()),
              in(o.experts()),
              in(o.weights()));
      case ExpertOp.ExpertMatMul o ->
          new ExpertOp.ExpertMatMul(
              o.matrices(), o.bias(), in(o.experts()), to.apply(o.x()), in(o.y()));
      case ExpertOp.ExpertSum o -> new ExpertOp.ExpertSum(in(o.x()), in(o.weights()), in(o.y()));
    };
  }

  private static IllegalArgumentException unsupported(Op op) {
    return new IllegalArgumentException(op.getClass().getName() + " has no other operands");
  }

  private Buffer in(Buffer buffer) {
    return (Buffer) to.apply(buffer);
  }

  private @Nullable Buffer optional(@Nullable Buffer buffer) {
    return buffer == null ? null : in(buffer);
  }
}

package dev.vidrio.kernel.gradient;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.OpenOp;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.SequenceOp;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Gives the way back the activations of the way forward: those that were kept, and others computed
 * again from these when they are first asked for (Chen et al. 2016, arXiv 1604.06174). What was
 * computed again has the same bits, and leaves its memory after its last use. The key-value cache
 * is always kept.
 */
final class Recomputation {
  private final @Nullable Set<Buffer> kept;
  private final List<Op> ops;
  private final Map<Operand, Op> writers = new HashMap<>();
  private final Map<Operand, Operand> again = new HashMap<>();

  /**
   * @param kept activations that need not be computed again; null for all
   * @param ops receives the operations
   */
  Recomputation(Plan forward, @Nullable Set<Buffer> kept, List<Op> ops) {
    this.kept = kept;
    this.ops = ops;
    for (Op op : forward.ops()) {
      op.writes().forEach(y -> writers.put(y, op));
    }
  }

  /** An activation with the values of x. */
  Buffer value(Buffer x) {
    return (Buffer) value((Operand) x);
  }

  private Operand value(Operand x) {
    if (kept == null || (x instanceof Buffer buffer && kept.contains(buffer))) {
      return x;
    }
    if (!again.containsKey(x)) {
      Op writer = Objects.requireNonNull(writers.get(x));
      Op op = replaced(writer, y -> writer.writes().contains(y) ? renamed(y) : value(y));
      for (Operand y : writer.writes()) {
        again.put(y, renamed(y));
      }
      ops.add(op);
    }
    return Objects.requireNonNull(again.get(x));
  }

  private static Operand renamed(Operand y) {
    String name = y.name() + ".again";
    return switch (y) {
      case Buffer buffer -> new Buffer(name, buffer.rows(), buffer.width());
      case QuantizedBuffer buffer -> new QuantizedBuffer(name, buffer.rows(), buffer.width());
    };
  }

  private static Op replaced(Op op, UnaryOperator<Operand> to) {
    return switch (op) {
      case Op.Embed o -> new Op.Embed(o.table(), o.index(), o.offset(), o.skip(), in(o.y(), to));
      case Op.Norm o ->
          new Op.Norm(
              o.kind(),
              o.epsilon(),
              o.heads(),
              in(o.x(), to),
              o.gain(),
              o.bias(),
              in(o.y(), to),
              o.scale() == null ? null : in(o.scale(), to));
      case Op.Quantize o -> new Op.Quantize(in(o.x(), to), (QuantizedBuffer) to.apply(o.y()));
      case Op.MatMul o -> new Op.MatMul(o.weights(), to.apply(o.x()), in(o.y(), to), o.fast());
      case Op.Activation o ->
          new Op.Activation(
              o.kind(), in(o.x(), to), o.up() == null ? null : in(o.up(), to), in(o.y(), to));
      case Op.Add o -> new Op.Add(in(o.a(), to), in(o.b(), to), in(o.y(), to));
      case Op.AddBias o -> new Op.AddBias(in(o.a(), to), o.bias(), in(o.y(), to));
      case Op.Scale o -> new Op.Scale(in(o.x(), to), o.factor(), in(o.y(), to));
      case Op.Gather o -> new Op.Gather(in(o.x(), to), in(o.y(), to));
      case HookOp.Edit o -> new HookOp.Edit(in(o.x(), to), o.edits(), in(o.y(), to));
      case SequenceOp.Rope o ->
          new SequenceOp.Rope(o.rotation(), o.dH(), in(o.x(), to), in(o.y(), to));
      case SequenceOp.Attention o -> replaced(o, in(o.q(), to), in(o.z(), to));
      case SequenceOp.Conv o ->
          new SequenceOp.Conv(o.layer(), o.part(), o.kernel(), in(o.x(), to), in(o.y(), to));
      case SequenceOp.Recurrence o ->
          o.over(
              in(o.q(), to),
              in(o.k(), to),
              in(o.v(), to),
              in(o.step(), to),
              in(o.beta(), to),
              in(o.z(), to));
      case ExpertOp.Route o ->
          new ExpertOp.Route(
              o.score(),
              o.over(),
              o.bias(),
              o.groups(),
              in(o.logits(), to),
              in(o.experts(), to),
              in(o.weights(), to));
      case ExpertOp.ExpertMatMul o ->
          new ExpertOp.ExpertMatMul(
              o.matrices(), o.bias(), in(o.experts(), to), to.apply(o.x()), in(o.y(), to));
      case ExpertOp.ExpertSum o ->
          new ExpertOp.ExpertSum(in(o.x(), to), in(o.weights(), to), in(o.y(), to));
      case OpenOp.Gain o -> new OpenOp.Gain(in(o.x(), to), o.gain(), o.bias(), in(o.y(), to));
      default ->
          throw new IllegalArgumentException(op.getClass().getName() + " is not computed again");
    };
  }

  private static SequenceOp.Attention replaced(SequenceOp.Attention o, Buffer q, Buffer z) {
    return new SequenceOp.Attention(
        o.layer(), o.heads(), o.scale(), o.window(), o.cap(), o.sinks(), o.slopes(), q, z);
  }

  private static Buffer in(Buffer x, UnaryOperator<Operand> to) {
    return (Buffer) to.apply(x);
  }

  /** The operation over activations that are there. */
  Op.Norm known(Op.Norm op) {
    return (Op.Norm) replaced(op, x -> op.writes().contains(x) ? x : value(x));
  }

  /** The operation over activations that are there. */
  Op.Activation known(Op.Activation op) {
    return (Op.Activation) replaced(op, x -> x.equals(op.y()) ? x : value(x));
  }

  /** The operation over queries that are there. */
  SequenceOp.Attention known(SequenceOp.Attention op) {
    return replaced(op, value(op.q()), op.z());
  }

  /** The operation over activations that are there. */
  SequenceOp.Recurrence known(SequenceOp.Recurrence op) {
    return (SequenceOp.Recurrence) replaced(op, x -> x.equals(op.z()) ? x : value(x));
  }

  /** The operation with results that are there. */
  ExpertOp.Route known(ExpertOp.Route op) {
    return (ExpertOp.Route) replaced(op, this::value);
  }

  /** The operation over routes that are there. */
  ExpertOp.ExpertMatMul known(ExpertOp.ExpertMatMul op) {
    return new ExpertOp.ExpertMatMul(op.matrices(), op.bias(), value(op.experts()), op.x(), op.y());
  }

  /** The operation over activations that are there. */
  ExpertOp.ExpertSum known(ExpertOp.ExpertSum op) {
    return (ExpertOp.ExpertSum) replaced(op, x -> x.equals(op.y()) ? x : value(x));
  }
}

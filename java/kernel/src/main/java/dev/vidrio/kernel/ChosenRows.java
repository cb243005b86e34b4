package dev.vidrio.kernel;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.OpenOp;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Computes what leads to logits alone for the tokens whose logits are asked for. The rows of these
 * are gathered as early as possible, behind the last operation that lets tokens see each other. So
 * a prompt pays for most of its last layer once, not for each token. A row has the same bits.
 */
public final class ChosenRows {
  private final Op.Gather gather;
  private final Set<Op> moved = new HashSet<>();

  /** The chosen rows of operands. */
  private final Map<Operand, Operand> chosen = new HashMap<>();

  private ChosenRows(Plan plan, Op.Gather gather) {
    this.gather = gather;
    Set<Operand> whole = new HashSet<>(plan.outputs());
    Set<Operand> late = new HashSet<>(Set.of(gather.x()));
    for (Op op : plan.ops().reversed()) {
      if (op.equals(gather)) {
        continue;
      }
      boolean moves =
          isOfRows(op)
              && op.writes().stream().noneMatch(whole::contains)
              && op.writes().stream().anyMatch(late::contains);
      if (moves) {
        moved.add(op);
        op.writes().forEach(operand -> chosen.put(operand, rowsOf(operand, operand.name())));
      }
      (moves ? late : whole).addAll(op.reads());
    }
    chosen.put(gather.x(), gather.y());
  }

  private static Operand rowsOf(Operand operand, String name) {
    return switch (operand) {
      case Buffer buffer -> new Buffer(name, Rows.LOGITS, buffer.width());
      case QuantizedBuffer quantized -> new QuantizedBuffer(name, Rows.LOGITS, quantized.width());
    };
  }

  /** The plan with its gather moved, or the same where there is nothing to gain. */
  public static Plan of(Plan plan) {
    List<Op.Gather> gathers =
        plan.ops().stream().filter(Op.Gather.class::isInstance).map(Op.Gather.class::cast).toList();
    return gathers.size() == 1 ? new ChosenRows(plan, gathers.getFirst()).over(plan) : plan;
  }

  /** Whether each row of what an operation writes depends on the same row of what it reads. */
  private static boolean isOfRows(Op op) {
    return switch (op) {
      case Op.Norm ignored -> true;
      case Op.Quantize ignored -> true;
      case Op.MatMul ignored -> true;
      case Op.Activation ignored -> true;
      case Op.Add ignored -> true;
      case Op.AddBias ignored -> true;
      case Op.Scale ignored -> true;
      case OpenOp.Gain ignored -> true;
      case ExpertOp ignored -> true;
      case LowRankOp ignored -> true;
      default -> false;
    };
  }

  private Plan over(Plan plan) {
    if (moved.isEmpty()) {
      return plan;
    }
    Set<Operand> needed = needed(plan);
    List<Op> ops = new ArrayList<>();
    for (Op op : plan.ops()) {
      if (moved.contains(op)) {
        ops.add(ofChosen(op));
      } else if (!op.equals(gather)) {
        ops.add(op);
        op.writes().stream().filter(needed::contains).forEach(y -> ops.add(choice(op, y)));
      }
    }
    return new Plan(ops, plan.kv(), plan.outputs());
  }

  /** What moved operations read of others; bytes of it are quantized again, from chosen rows. */
  private Set<Operand> needed(Plan plan) {
    Set<Operand> needed = new HashSet<>();
    moved.forEach(op -> needed.addAll(op.reads()));
    for (Op op : plan.ops()) {
      if (op instanceof Op.Quantize(Buffer x, QuantizedBuffer y) && needed.contains(y)) {
        needed.add(x);
      }
    }
    return needed;
  }

  /** Takes the chosen rows of an operand where it has just been written. */
  private Op choice(Op writer, Operand operand) {
    Operand rows = rowsOf(operand, operand.name() + ".chosen");
    chosen.put(operand, rows);
    return writer instanceof Op.Quantize quantize
        ? new Op.Quantize(rows(quantize.x()), (QuantizedBuffer) rows)
        : new Op.Gather((Buffer) operand, (Buffer) rows);
  }

  private Op ofChosen(Op op) {
    return switch (op) {
      case Op.Norm o ->
          new Op.Norm(
              o.kind(),
              o.epsilon(),
              o.heads(),
              rows(o.x()),
              o.gain(),
              o.bias(),
              rows(o.y()),
              optional(o.scale()));
      case Op.Quantize o -> new Op.Quantize(rows(o.x()), (QuantizedBuffer) chosen(o.y()));
      case Op.MatMul o -> new Op.MatMul(o.weights(), chosen(o.x()), rows(o.y()), o.fast());
      case Op.Activation o ->
          new Op.Activation(o.kind(), rows(o.x()), optional(o.up()), rows(o.y()));
      case Op.Add o -> new Op.Add(rows(o.a()), rows(o.b()), rows(o.y()));
      case Op.AddBias o -> new Op.AddBias(rows(o.a()), o.bias(), rows(o.y()));
      case Op.Scale o -> new Op.Scale(rows(o.x()), o.factor(), rows(o.y()));
      case OpenOp.Gain o -> new OpenOp.Gain(rows(o.x()), o.gain(), o.bias(), rows(o.y()));
      case ExpertOp.Route o ->
          new ExpertOp.Route(
              o.score(),
              o.over(),
              o.bias(),
              o.groups(),
              rows(o.logits()),
              rows(o.experts()),
              rows(o.weights()));
      case ExpertOp.ExpertMatMul o ->
          new ExpertOp.ExpertMatMul(
              o.matrices(), o.bias(), rows(o.experts()), chosen(o.x()), rows(o.y()));
      case ExpertOp.ExpertSum o ->
          new ExpertOp.ExpertSum(rows(o.x()), rows(o.weights()), rows(o.y()));
      case LowRankOp.Down o -> new LowRankOp.Down(rows(o.u()), o.table(), o.matrix(), rows(o.t()));
      case LowRankOp.Up o ->
          new LowRankOp.Up(rows(o.x()), rows(o.t()), o.table(), o.matrix(), rows(o.y()));
      default -> throw new IllegalStateException(op + " is no operation of rows");
    };
  }

  private Buffer rows(Buffer buffer) {
    return (Buffer) chosen(buffer);
  }

  private @Nullable Buffer optional(@Nullable Buffer buffer) {
    return buffer == null ? null : rows(buffer);
  }

  private Operand chosen(Operand operand) {
    return Objects.requireNonNull(chosen.get(operand));
  }
}

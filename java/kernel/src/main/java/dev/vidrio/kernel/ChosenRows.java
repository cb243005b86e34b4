package dev.vidrio.kernel;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.Substitution;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

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
          op.isRowwise()
              && op.writes().stream().noneMatch(whole::contains)
              && op.writes().stream().anyMatch(late::contains);
      if (moves) {
        moved.add(op);
        op.writes().forEach(y -> chosen.put(y, y.like(y.name(), Rows.LOGITS)));
      }
      (moves ? late : whole).addAll(op.reads());
    }
    chosen.put(gather.x(), gather.y());
  }

  /** The plan with its gather moved, or the same where there is nothing to gain. */
  public static Plan of(Plan plan) {
    List<Op.Gather> gathers =
        plan.ops().stream().filter(Op.Gather.class::isInstance).map(Op.Gather.class::cast).toList();
    return gathers.size() == 1 ? new ChosenRows(plan, gathers.getFirst()).over(plan) : plan;
  }

  private Plan over(Plan plan) {
    if (moved.isEmpty()) {
      return plan;
    }
    Set<Operand> needed = needed(plan);
    List<Op> ops = new ArrayList<>();
    for (Op op : plan.ops()) {
      if (moved.contains(op)) {
        ops.add(Substitution.of(op, this::chosen));
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
    Operand rows = operand.like(operand.name() + ".chosen", Rows.LOGITS);
    chosen.put(operand, rows);
    return writer instanceof Op.Quantize quantize
        ? Substitution.of(quantize, this::chosen)
        : new Op.Gather((Buffer) operand, (Buffer) rows);
  }

  private Operand chosen(Operand operand) {
    return Objects.requireNonNull(chosen.get(operand));
  }
}

package dev.vidrio.kernel.pass;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Gathers the rows with requested logits as early as possible: right after the last operation in
 * which tokens interact. All later operations then run on those rows only, so that a prompt
 * computes most of its last layer for one token instead of all. The bits of a row do not change.
 */
public final class GatherHoisting implements PlanPass {
  /** Creates the pass, which has no options. */
  public GatherHoisting() {}

  /** Returns the plan with its gather moved, or the same plan if nothing is gained. */
  @Override
  public Plan apply(Plan plan) {
    List<Op.Gather> gathers =
        plan.ops().stream().filter(Op.Gather.class::isInstance).map(Op.Gather.class::cast).toList();
    return gathers.size() == 1 ? new Hoist(plan, gathers.getFirst()).plan() : plan;
  }

  /** The hoisting of one gather. */
  private static final class Hoist {
    private final Plan plan;
    private final Op.Gather gather;
    private final Set<Op> moved = new HashSet<>();

    /** The gathered rows of operands. */
    private final Map<Operand, Operand> gathered = new HashMap<>();

    Hoist(Plan plan, Op.Gather gather) {
      this.plan = plan;
      this.gather = gather;
      // Operands that are needed with all rows, and those that lead to the gather alone.
      Set<Operand> whole = new HashSet<>(plan.outputs());
      Set<Operand> late = new HashSet<>(Set.of(gather.x()));
      for (Op op : plan.ops().reversed()) {
        if (op.equals(gather)) {
          continue;
        }
        boolean moves =
            op.isRowwise()
                && !(op instanceof SequenceOp) // needs the position of each row
                && op.writes().stream().noneMatch(whole::contains)
                && op.writes().stream().anyMatch(late::contains);
        if (moves) {
          moved.add(op);
          op.writes().forEach(y -> gathered.put(y, y.like(y.name(), Rows.LOGITS)));
        }
        (moves ? late : whole).addAll(op.reads());
      }
      gathered.put(gather.x(), gather.y());
    }

    Plan plan() {
      if (moved.isEmpty()) {
        return plan;
      }
      Set<Operand> needed = needed();
      List<Op> ops = new ArrayList<>();
      for (Op op : plan.ops()) {
        if (moved.contains(op)) {
          ops.add(op.withOperands(this::gathered));
        } else if (!op.equals(gather)) {
          ops.add(op);
          op.writes().stream().filter(needed::contains).forEach(y -> ops.add(gather(op, y)));
        }
      }
      return new Plan(ops, plan.kv(), plan.outputs());
    }

    /**
     * Returns the operands that moved operations read from others. Quantized operands are quantized
     * again from the gathered rows, so their sources are needed too.
     */
    private Set<Operand> needed() {
      Set<Operand> needed = new HashSet<>();
      moved.forEach(op -> needed.addAll(op.reads()));
      for (Op op : plan.ops()) {
        if (op instanceof Op.Quantize(Buffer x, QuantizedBuffer y) && needed.contains(y)) {
          needed.add(x);
        }
      }
      return needed;
    }

    /** Returns the operation that gathers the rows of an operand that {@code writer} wrote. */
    private Op gather(Op writer, Operand operand) {
      Operand rows = operand.like(operand.name() + ".chosen", Rows.LOGITS);
      gathered.put(operand, rows);
      return writer instanceof Op.Quantize quantize
          ? quantize.withOperands(this::gathered)
          : new Op.Gather((Buffer) operand, (Buffer) rows);
    }

    /** Also of operands that a gradient's forward operation contains, but which are not used. */
    private Operand gathered(Operand operand) {
      Operand rows = gathered.get(operand);
      return rows == null ? operand.like(operand.name(), Rows.LOGITS) : rows;
    }
  }
}
